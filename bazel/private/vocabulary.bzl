"""The words of a manifest: docs/bazel.md sends to the manifest's reference for what they mean.

bazel/e2e compares them with what `foresee schema` prints.
"""

OPERATORS = ["spawn", "spawnPar", "wait", "waitPar", "kill", "run", "signal", "ready"]

_OUTPUT = ["assert_%s%s" % (stream, how) for stream in ["stdout", "stderr"] for how in ["", "_contains", "_matches", "_json"]]

STEP_KEYS = ["name", "timeout"]

# What may stand beside an operator.
BESIDE = {
    "kill": ["signal", "grace"],
    "run": ["status"] + _OUTPUT,
    "wait": _OUTPUT,
}

SPAWN_KEYS = ["argv", "as", "cwd", "env", "listen", "ready", "reserve", "stdin"]

APP_KEYS = [key for key in SPAWN_KEYS if key != "as"] + ["stop"]

CONSTRAINTS = [
    "assert_body",
    "assert_contains",
    "assert_cookie",
    "assert_header",
    "assert_json",
    "assert_json_contains",
    "assert_jsonpath",
    "assert_matches",
    "assert_not_contains",
    "assert_redirect",
    "assert_sha256",
    "assert_status",
    "assert_within",
]

TARGET_KEYS = STEP_KEYS + CONSTRAINTS + [
    "body_file",
    "capture",
    "content_type",
    "data",
    "files",
    "follow_redirects",
    "headers",
    "json",
    "method",
    "path",
    "query_string",
    "retry",
    "skip",
    "to",
]

CASE_KEYS = ["app", "attempts", "deadline", "env", "inherit_env", "inputs", "limits", "sandbox", "skip", "steps", "timeout", "vars"]

SETTINGS = ["app", "attempts", "deadline", "env", "inherit_env", "inputs", "limits", "sandbox", "secrets", "timeout", "vars"]
