"""The repository @foresee_toolchains: cheap to make, so that a runner is fetched only when a test needs it."""

load(":platforms.bzl", "PLATFORMS", "host_platform")

_TOOLCHAIN = """
toolchain(
    name = "{name}",
    target_compatible_with = {constraints},
    toolchain = "@{repository}//:toolchain",
    toolchain_type = {type},
)
"""

# The name RunEnvironmentInfo cannot even be written in a file that a Bazel without it reads, hence a file for each.
_FEATURES = """\"\"\"What this Bazel has.\"\"\"

features = struct(RunEnvironmentInfo = %s)
"""

def _foresee_toolchains_impl(rctx):
    build = ["# One toolchain for each platform that a runner is known for.\nexports_files([\"features.bzl\"])\n"]
    for repository, platform in rctx.attr.runners.items():
        platform = platform or host_platform(rctx)
        build.append(_TOOLCHAIN.format(
            constraints = json.encode(PLATFORMS[platform].constraints),
            name = platform,
            repository = repository,
            type = json.encode(str(Label("//bazel/toolchain:run_type"))),
        ))
    rctx.file("BUILD.bazel", "".join(build))

    # RunEnvironmentInfo came with Bazel 5.3, and nothing that can be asked for came with it; this came with 6.0.
    rctx.file("features.bzl", _FEATURES % ("RunEnvironmentInfo" if hasattr(testing, "analysis_test") else "None"))

foresee_toolchains = repository_rule(
    implementation = _foresee_toolchains_impl,
    doc = "Declares a toolchain for each runner.",
    attrs = {
        "runners": attr.string_dict(
            doc = "The repository of each runner, to its platform; an empty string for the host's.",
            mandatory = True,
        ),
    },
)
