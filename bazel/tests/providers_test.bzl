"""What the rules tell Bazel and other rules."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//bazel:defs.bzl", "ForeseeManifestInfo", "foresee_manifest", "plan_test")

def _runfiles(target):
    return sorted([
        file.short_path
        for file in target[DefaultInfo].default_runfiles.files.to_list()
    ])

def _test_provides_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    asserts.equals(env, "provided_subject_test", target[DefaultInfo].files_to_run.executable.basename)
    asserts.equals(env, [
        # The runner, that stands in for the real one here.
        "bazel/tests/BUILD.bazel",
        "bazel/tests/program.bzl",
        "bazel/tests/provided_subject_test",
        "bazel/tests/provided_subject_test.cases.json",
        "bazel/tests/provided_subject_test.foresee.json",
        "bazel/tests/tool",
        "bazel/tests/tool.lib",
    ], _runfiles(target))

    # The wrapped program's LICENCE, and the test's own.
    asserts.equals(env, ["LICENCE", "TOKEN"], sorted(target[RunEnvironmentInfo].inherited_environment))
    asserts.equals(env, {}, target[RunEnvironmentInfo].environment)
    asserts.equals(env, {"supports-graceful-termination": ""}, target[testing.ExecutionInfo].requirements)
    asserts.true(env, InstrumentedFilesInfo in target)

    # No shell between Bazel and the runner: the executable is a symlink to it.
    mnemonics = [action.mnemonic for action in analysistest.target_actions(env) if action.mnemonic != "FileWrite"]
    asserts.true(env, "ExecutableSymlink" in mnemonics, "actions: %s" % mnemonics)
    return analysistest.end(env)

_test_provides_test = analysistest.make(_test_provides_impl)

def _manifest_provides_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    info = target[ForeseeManifestInfo]
    asserts.equals(
        env,
        ["provided_manifest.cases.json", "test_more.yml", "provided_base.cases.json"],
        [file.basename for file in info.manifests.to_list()],
    )
    asserts.equals(env, ["LICENCE"], info.env_inherit.to_list())
    asserts.equals(env, [
        "bazel/tests/program.bzl",
        "bazel/tests/provided_base.cases.json",
        "bazel/tests/provided_manifest.cases.json",
        "bazel/tests/test_more.yml",
        "bazel/tests/tool",
        "bazel/tests/tool.lib",
    ], sorted([file.short_path for file in info.runfiles.files.to_list()]))
    return analysistest.end(env)

_manifest_provides_test = analysistest.make(_manifest_provides_impl)

def providers_test_suite(name):
    """Tests of what the rules provide.

    Args:
      name: the name of the suite of all of them.
    """
    plan_test(
        name = "provided_subject_test",
        data = ["program.bzl", ":tool"],
        env = {"A": "1"},
        env_inherit = ["TOKEN"],
        steps = [{"run": ["$(rootpath :tool)"]}],
        tags = ["manual"],
    )
    _test_provides_test(name = "test_provides_test", target_under_test = ":provided_subject_test")

    foresee_manifest(
        name = "provided_base",
        cases = {"test_base": {"run": ["$(rootpath :tool)"]}},
        data = [":tool"],
        tags = ["manual"],
    )
    foresee_manifest(
        name = "provided_manifest",
        srcs = ["test_more.yml"],
        cases = {"test_it": {"run": "true"}},
        data = ["program.bzl"],
        tags = ["manual"],
        deps = [":provided_base"],
    )
    _manifest_provides_test(name = "manifest_provides_test", target_under_test = ":provided_manifest")

    native.test_suite(
        name = name,
        tests = [":test_provides_test", ":manifest_provides_test"],
    )
