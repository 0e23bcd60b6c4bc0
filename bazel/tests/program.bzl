"""What plan_test and usecase_test meet in a real build."""

def _program_impl(ctx):
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(executable, "#!/bin/sh\n", is_executable = True)
    library = ctx.actions.declare_file(ctx.label.name + ".lib")
    ctx.actions.write(library, "")
    return [
        DefaultInfo(
            executable = executable,
            files = depset([executable, library]),
            runfiles = ctx.runfiles(files = [library]),
        ),
        RunEnvironmentInfo(environment = ctx.attr.env, inherited_environment = ctx.attr.env_inherit),
    ]

# A program as the rules of a language make it: several files, data of its own, and an environment.
program = rule(
    implementation = _program_impl,
    attrs = {
        "env": attr.string_dict(),
        "env_inherit": attr.string_list(),
    },
    executable = True,
)

def _variables_impl(_ctx):
    return [platform_common.TemplateVariableInfo({"KIND": "${REAL}"})]

# Make variables, as toolchains define them.
variables = rule(implementation = _variables_impl)
