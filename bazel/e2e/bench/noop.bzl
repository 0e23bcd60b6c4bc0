"""A test whose executable does nothing: what Bazel itself takes for a test."""

def _noop_test_impl(ctx):
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = executable, target_file = ctx.executable.program, is_executable = True)
    return [DefaultInfo(executable = executable)]

noop_test = rule(
    implementation = _noop_test_impl,
    attrs = {
        "program": attr.label(
            allow_single_file = True,
            cfg = "target",
            executable = True,
            mandatory = True,
        ),
    },
    test = True,
)
