"""What each mistake in a BUILD file is answered with, at analysis."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//bazel:defs.bzl", "plan_test", "usecase_test")

def _fails_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

_fails_test = analysistest.make(
    _fails_impl,
    attrs = {"message": attr.string(mandatory = True)},
    expect_failure = True,
)

_STEPS = {
    "no_operator": (
        [{"run": "true"}, {"rn": ["true"]}],
        "steps[1]: no operator (spawn, spawnPar, wait, waitPar, kill, run, signal, ready) and no `path`; did you mean \"run\"?",
    ),
    "two_operators": ([{"spawn": ["a"], "wait": "a"}], "steps[0]: two operators, spawn and wait: make them two steps"),
    "unknown_key": ([{"run": "true", "assert_stdot": "x"}], "steps[0]: unknown key \"assert_stdot\", did you mean \"assert_stdout\"?"),
    "unknown_spawn_key": ([{"spawn": {"argv": ["a"], "dir": "/"}}], "steps[0].spawn: unknown key \"dir\", one of argv, as, cwd, env, listen, ready, reserve, stdin can stand here"),
    "no_argv": ([{"spawnPar": [["a"], {"as": "b"}]}], "steps[0].spawnPar[1]: no `argv`: write {\"argv\": [\"PROGRAM\", \"ARGUMENT\"]}"),
    "no_program": ([{"run": []}], "steps[0].run: a program and its arguments are wanted: [\"PROGRAM\", \"ARGUMENT\"], not []"),
    "no_constraint": ([{"path": "/"}], "steps[0]: nothing is expected of the response: add a constraint, \"assert_status\": 200 for one"),
    "no_dict": (["echo"], "steps[0]: a step is a dict, {\"run\": [\"PROGRAM\"]} for one, not \"echo\""),
    "no_steps": ([], "steps: a step or a list of steps is wanted, not []"),
    "several_files": ([{"run": ["cat", "$(rootpath :both)"]}], "run[1]: $(rootpath :both) stands for one file, and the target has 2: bazel/tests/manifest_test.bzl, bazel/tests/program.bzl. Use $(rootpaths :both), or the label of one file"),
    "no_variable": ([{"run": ["echo", "$(NO_SUCH)"]}], "run[1]: $(NO_SUCH) is not defined. Define it with --define=NO_SUCH=VALUE or a target in `toolchains`, or write $$(NO_SUCH) when the $( is meant literally"),
    "no_function": ([{"run": ["sh", "-c", "echo $(date +%s)"]}], "run[2]: $(date +%s) is no location and no make variable. Write $$(date +%s) when the $( is meant literally"),
    "not_closed": ([{"run": ["echo", "$(x"]}], "the $( in \"$(x\" is not closed. Write $$( when it is meant literally"),
    "not_in_data": ([{"run": ["echo", "$(rootpath :elsewhere)"]}], "run[1]: :elsewhere is none of the targets that this one depends on: add it to `data`"),
}

_PLANS = {
    "nothing": ({}, "nothing to run: give `steps`, `cases`, a manifest or `deps`"),
    "steps_and_cases": (
        {"cases": {"test_a": {"run": "a"}}, "steps": [{"run": "b"}]},
        "`steps` and `cases`: give the one or the other; `steps` is short for a single case",
    ),
    "case_name": ({"cases": {"echo": {"run": "a"}}}, "cases.echo: a case's name starts with `test` and goes on: \"test_echo\""),
    "case_letter": ({"cases": {"test a": {"run": "a"}}}, "cases.test a: \" \" cannot stand in a case's name, that has letters, digits, `_`, `-` and `.`"),
    "case_key": ({"cases": {"test_a": {"steps": [{"run": "a"}], "deadlin": "1s"}}}, "cases.test_a: unknown key \"deadlin\", did you mean \"deadline\"?"),
    "setting": ({"settings": {"timout": "1s"}, "steps": [{"run": "a"}]}, "settings: unknown key \"timout\", did you mean \"timeout\"?"),
    "setting_env": ({"settings": {"inherit_env": ["A"]}, "steps": [{"run": "a"}]}, "settings.inherit_env: write it as the attribute `env_inherit`"),
    "env_twice": ({"env": {"A": "1"}, "env_inherit": ["A"], "steps": [{"run": "a"}]}, "env and env_inherit: both have \"A\"; keep the one that is meant"),
    "many": (
        {"cases": {"test_a": [{"x": 1}], "test_b": 5}},
        "2 mistakes\n  cases.test_a[0]: no operator",
    ),
}

def failures_test_suite(name):
    """Tests of what a mistake is answered with.

    Args:
      name: the name of the suite of all of them.
    """
    tests = []
    subjects = {}
    native.filegroup(name = "elsewhere", srcs = ["failures_test.bzl"], tags = ["manual"])
    for mistake, (steps, message) in _STEPS.items():
        plan_test(name = mistake + "_subject_test", data = [":both"], steps = steps, tags = ["manual"])
        subjects[mistake] = message
    for mistake, (attrs, message) in _PLANS.items():
        plan_test(name = mistake + "_subject_test", tags = ["manual"], **attrs)
        subjects[mistake] = message
    usecase_test(
        name = "app_setting_subject_test",
        app = ":tool",
        app_settings = {"argv": ["a"]},
        cases = {"test_a": {"path": "/", "assert_status": 200}},
        tags = ["manual"],
    )
    subjects["app_setting"] = "app_settings.argv: write it as the attribute `app_args`"
    usecase_test(
        name = "app_not_executable_subject_test",
        app = ":both",
        cases = {"test_a": {"path": "/", "assert_status": 200}},
        tags = ["manual"],
    )

    # Bazel's own words.
    subjects["app_not_executable"] = "//bazel/tests:both does not refer to a valid executable target"

    for mistake, message in subjects.items():
        _fails_test(name = mistake + "_test", message = message, target_under_test = ":%s_subject_test" % mistake)
        tests.append(":%s_test" % mistake)
    native.test_suite(name = name, tests = tests)
