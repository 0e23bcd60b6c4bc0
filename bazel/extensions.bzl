"""The module extension: where the runner comes from.

Without a word of the root module it is built from source by the host's cargo. Otherwise:

```starlark
foresee = use_extension("@foresee//bazel:extensions.bzl", "foresee")
foresee.archive(
    platform = "x86_64-linux",
    integrity = "sha256-...",
    urls = ["https://example.com/foresee-x86_64-linux.tar.gz"],
)
```
"""

load("//bazel/private:runners.bzl", "declare_runners")

def _foresee_impl(mctx):
    for module in mctx.modules:
        if not module.is_root:
            # Which runner a build uses is for the root module to say.
            continue
        tags = module.tags
        locals = [tag.path for tag in tags.local]
        profiles = [tag.profile for tag in tags.source]
        if len(locals) > 1 or len(profiles) > 1:
            fail("foresee.local and foresee.source: say each at most once")
        if tags.archive or locals or profiles:
            declare_runners(tags.archive, locals[0] if locals else None, profiles[0] if profiles else None)
            return
    declare_runners([], None, "release")

foresee = module_extension(
    implementation = _foresee_impl,
    doc = "Where the runner comes from. Tags of modules other than the root module are ignored.",
    tag_classes = {
        "archive": tag_class(
            doc = "A prebuilt runner for one platform, downloaded when a test first needs it.",
            attrs = {
                "integrity": attr.string(doc = "The archive's checksum: `sha256-` and base64.", mandatory = True),
                "platform": attr.string(doc = "`x86_64-linux` or `aarch64-linux`.", mandatory = True),
                "runner": attr.string(doc = "The path of the runner in the archive.", default = "foresee"),
                "strip_prefix": attr.string(doc = "A directory of the archive to take as its root."),
                "urls": attr.string_list(doc = "Where the archive is, one mirror after the other.", mandatory = True),
            },
        ),
        "local": tag_class(
            doc = "A runner for the host's platform that is on this machine.",
            attrs = {"path": attr.string(doc = "An absolute path, or one relative to the root module's directory.", mandatory = True)},
        ),
        "source": tag_class(
            doc = "A runner for the host's platform, built from this module's source by the host's cargo.",
            attrs = {"profile": attr.string(doc = "The cargo profile.", default = "release", values = ["dist", "release"])},
        ),
    },
)
