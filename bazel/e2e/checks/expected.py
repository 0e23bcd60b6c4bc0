"""What each target of bazel/e2e/suite must come to: its status and all its test cases."""

PASSED = "passed"
SKIPPED = "skipped"


def _runs(suite, *lines, lifecycle=PASSED):
    return {f"{suite} / lifecycle": lifecycle} | {f"{suite} / {name}": verdict for name, verdict in lines}


TARGETS = {
    "//:echo_test": (
        "PASSED",
        _runs("echo_test :: test_echo", ("wait echo: status", PASSED), ("wait echo: assert_stdout", PASSED)),
    ),
    "//:manifest_test": (
        "PASSED",
        _runs("plans/test_files.yml :: test_directory", ("run cat: status", PASSED), ("run cat: assert_stdout", PASSED))
        | _runs("plans/test_files.yml :: test_stdin", ("run cat: status", PASSED), ("run cat: assert_stdout", PASSED)),
    ),
    "//:cases_test": (
        "PASSED",
        _runs("cases_test :: test_variables", ("run echo: status", PASSED), ("run echo: assert_stdout", PASSED))
        | _runs("cases_test :: test_skipped", ("run false: status", SKIPPED), lifecycle=SKIPPED)
        | _runs("cases_test :: test_both", ("waitPar sleep: status", PASSED), ("waitPar second: status", PASSED))
        | _runs("shared :: test_shared", ("run true: status", PASSED)),
    ),
    "//:data_test": (
        "PASSED",
        _runs(
            "data_test :: test_locations",
            ("run cat: status", PASSED),
            ("run cat: assert_stdout", PASSED),
            ("run cat-1: status", PASSED),
            ("run cat-1: assert_stdout", PASSED),
        )
        | _runs("data_test :: test_manifest_directory", ("run cat: status", PASSED), ("run cat: assert_stdout", PASSED))
        | _runs(
            "data_test :: test_inputs",
            ("run sh: status", PASSED),
            ("run cat: status", PASSED),
            ("run cat: assert_stdout", PASSED),
        ),
    ),
    "//:generated_test": (
        "PASSED",
        _runs(
            "generated_test :: test_generated",
            ("run generated_app: status", PASSED),
            ("run generated_app: assert_stdout", PASSED),
        ),
    ),
    "//:external_test": (
        "PASSED",
        _runs("external_test :: test_external", ("run greet: status", PASSED), ("run greet: assert_stdout", PASSED)),
    ),
    "//:env_test": (
        "PASSED",
        _runs("env_test :: test_env", ("run sh: status", PASSED), ("run sh: assert_stdout", PASSED)),
    ),
    "//:status_test": (
        "FAILED",
        _runs("status_test :: test_status", ("run false: status", "failure unexpected-status"), lifecycle=SKIPPED)
        | _runs("status_test :: test_after", ("run true: status", PASSED)),
    ),
    "//:assertion_test": (
        "FAILED",
        _runs(
            "assertion_test :: test_assertion",
            ("run echo: status", PASSED),
            ("run echo: assert_stdout", "failure assertion"),
            ("run echo: assert_stdout_contains", PASSED),
        ),
    ),
    "//:unexpected_exit_test": (
        "FAILED",
        _runs(
            "unexpected_exit_test :: test_unexpected_exit",
            ("run sleep: status", SKIPPED),
            ("kill server: status", SKIPPED),
            lifecycle="failure unexpected-exit",
        ),
    ),
    "//:command_test": (
        "FAILED",
        _runs(
            "command_test :: test_command",
            ("run no-such-command: status", SKIPPED),
            lifecycle="error command-not-found",
        ),
    ),
    "//:load_test": ("FAILED", {"plans/test_broken.yml / load": "error manifest"}),
    "//:sharded_test": (
        "PASSED",
        {
            key: verdict
            for number in range(5)
            for key, verdict in _runs(f"sharded_test :: test_{number}", ("run true: status", PASSED)).items()
        },
    ),
    "//:empty_shards_test": (
        "PASSED",
        _runs("empty_shards_test :: test_one", ("run true: status", PASSED))
        | _runs("empty_shards_test :: test_two", ("run true: status", PASSED)),
    ),
    "//:several_fail_test": (
        "FAILED",
        _runs("several_fail_test :: test_a", ("run true: status", PASSED))
        | _runs("several_fail_test :: test_b", ("run false: status", "failure unexpected-status"), lifecycle=SKIPPED)
        | _runs("several_fail_test :: test_c", ("run false: status", "failure unexpected-status"), lifecycle=SKIPPED),
    ),
    "//:directory_test": ("PASSED", _runs("directory_test :: test_directory", ("run sh: status", PASSED))),
    "//:covered_test": ("PASSED", _runs("covered_test :: test_covered", ("run covered: status", PASSED))),
    "//:pages_test": (
        "PASSED",
        _runs(
            "usecases/test_pages.yml :: test_index",
            ("GET /: assert_status", PASSED),
            ("GET /: assert_body", PASSED),
        )
        | _runs(
            "usecases/test_pages.yml :: test_echo",
            ("POST /echo: assert_body", PASSED),
            ("POST /echo: assert_contains", PASSED),
        )
        | _runs("usecases/test_pages.yml :: test_form", ("POST /form: assert_redirect", PASSED)),
    ),
    "//:failing_pages_test": (
        "FAILED",
        _runs(
            "failing_pages_test :: test_missing",
            ("GET /missing: assert_status", "failure assertion"),
            ("GET /missing: assert_contains", PASSED),
        )
        | _runs(
            "failing_pages_test :: test_crash",
            ("GET /crash: assert_status", SKIPPED),
            lifecycle="failure unexpected-exit",
        )
        | _runs(
            "failing_pages_test :: test_plan",
            ("GET /: assert_status", PASSED),
            ("run echo: status", PASSED),
            ("run echo: assert_stdout_matches", PASSED),
        ),
    ),
    "//:generated_pages_test": (
        "PASSED",
        _runs("generated_pages_test :: test_index", ("GET /: assert_body", PASSED)),
    ),
}

# What is otherwise with a Bazel that has no RunEnvironmentInfo: a wrapped program's own environment is not known.
OLDEST = {
    "//:external_test": (
        "FAILED",
        _runs(
            "external_test :: test_external",
            ("run greet: status", PASSED),
            ("run greet: assert_stdout", "failure assertion"),
        ),
    ),
}

# Bazel's exit code when some tests failed, and all were built.
SOME_FAILED = 3
