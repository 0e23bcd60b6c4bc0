"""Integration tests in which nothing unforeseen may happen, as test rules.

```starlark
load("@foresee//bazel:defs.bzl", "plan_test", "usecase_test")
```
"""

load("//bazel/private:manifest.bzl", _ForeseeManifestInfo = "ForeseeManifestInfo", _foresee_manifest = "foresee_manifest")
load("//bazel/private:plan_test.bzl", _plan_test = "plan_test")
load("//bazel/private:usecase_test.bzl", _usecase_test = "usecase_test")
load("//bazel/toolchain:toolchain.bzl", _foresee_toolchain = "foresee_toolchain")

plan_test = _plan_test
usecase_test = _usecase_test
foresee_manifest = _foresee_manifest
ForeseeManifestInfo = _ForeseeManifestInfo
foresee_toolchain = _foresee_toolchain
