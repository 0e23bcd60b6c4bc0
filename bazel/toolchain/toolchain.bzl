"""The toolchain rule: says which file is the runner."""

def _foresee_toolchain_impl(ctx):
    return [platform_common.ToolchainInfo(
        runner = ctx.file.runner,
    )]

foresee_toolchain = rule(
    implementation = _foresee_toolchain_impl,
    doc = """Declares a foresee runner, for a `toolchain` of type `@foresee//bazel/toolchain:run_type`.

Its `ToolchainInfo` has one field, `runner`: the `File` of the runner, which runs on the target platform.
""",
    attrs = {
        "runner": attr.label(
            doc = "The runner, a static binary for the target platform.",
            allow_single_file = True,
            mandatory = True,
        ),
    },
)
