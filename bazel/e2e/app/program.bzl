"""A script as an executable target, that any Bazel can make."""

def _program_impl(ctx):
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = executable, target_file = ctx.file.src, is_executable = True)
    return [
        DefaultInfo(
            executable = executable,
            # As a py_binary has it: the script besides the executable.
            files = depset([executable, ctx.file.src]),
            runfiles = ctx.runfiles(files = ctx.files.data + [ctx.file.src]),
        ),
        # By its older name, RunEnvironmentInfo, which the oldest Bazel tested does not have.
        testing.TestEnvironment(ctx.attr.env),
    ]

program = rule(
    implementation = _program_impl,
    attrs = {
        "data": attr.label_list(allow_files = True),
        "env": attr.string_dict(),
        "src": attr.label(allow_single_file = True, mandatory = True),
    },
    executable = True,
)
