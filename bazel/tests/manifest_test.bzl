"""What the rules write, to the letter."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//bazel:defs.bzl", "foresee_manifest", "plan_test", "usecase_test")
load(":program.bzl", "program", "variables")

def _written_test_impl(ctx):
    env = analysistest.begin(ctx)
    written = {
        action.outputs.to_list()[0].basename: action.content
        for action in analysistest.target_actions(env)
        if action.mnemonic == "FileWrite"
    }
    for name, content in ctx.attr.expected.items():
        asserts.equals(env, content, written.get(name))
    return analysistest.end(env)

_ATTRS = {"expected": attr.string_dict(mandatory = True)}
_written_test = analysistest.make(_written_test_impl, attrs = _ATTRS)

# No output directory and no configuration may show in what is written.
_written_opt_test = analysistest.make(
    _written_test_impl,
    attrs = _ATTRS,
    config_settings = {"//command_line_option:compilation_mode": "opt"},
)

_EXPANSION_CASES = r"""{
  "version": 1,
  "name": "bazel/tests/expansion_subject_test",
  "inherit_env": [
    "LICENCE"
  ],
  "test_z_first": [
    {
      "run": {"argv": ["${runfiles}/_main/bazel/tests/tool", "--file=${runfiles}/_main/bazel/tests/program.bzl"], "env": {"HERE": "$${x} $(y)"}},
      "assert_stdout": "$(x)"
    },
    {
      "spawn": {"argv": ["${runfiles}/_main/bazel/tests/tool"], "as": "b", "env": {"HERE": "there"}}
    },
    {
      "waitPar": {"b": 0, "a": [0, "SIGTERM"]}
    }
  ],
  "test_a_second": {
    "inputs": [
      "_main/bazel/tests/manifest_test.bzl",
      "_main/bazel/tests/program.bzl",
      "plain.txt"
    ],
    "steps": [
      {"spawnPar": [["echo", "${runfiles}/_main/bazel/tests/manifest_test.bzl", "${runfiles}/_main/bazel/tests/program.bzl"], "echo ${runfiles}/_main/bazel/tests/manifest_test.bzl ${runfiles}/_main/bazel/tests/program.bzl"]}
    ]
  },
  "test_values": [
    {
      "run": ["sh", "-c", "echo ${port.a} $${b} $HOME $(date)", "$${REAL}", 5, 1.5, true]
    },
    {
      "run": ["${runfiles}/bazel_tools/tools/bash/runfiles/runfiles.bash", "${runfiles}/_main/bazel/tests/made/by genrule.txt"]
    },
    {
      "path": "/new",
      "json": {"z": null, "a": [], "b": {}, "c": "é\n"},
      "assert_status": 200
    }
  ]
}
"""

_EXPANSION_FORESEE = r"""{
  "version": 1,
  "include": [
    "_main/bazel/tests/expansion_subject_test.cases.json"
  ]
}
"""

_SETTINGS_FORESEE = r"""{
  "version": 1,
  "timeout": "5s",
  "vars": {
    "base": "/x"
  },
  "app": {
    "argv": [
      "${runfiles}/_main/bazel/tests/tool",
      "--port",
      "${port}",
      "${runfiles}/_main/bazel/tests/program.bzl"
    ],
    "env": {
      "HERE": "$${x} $(y)",
      "DATA": "${runfiles}/_main/bazel/tests/program.bzl"
    },
    "ready": {
      "log": "up"
    },
    "stop": {
      "grace": "1s"
    }
  },
  "env": {
    "Z": "$(1)",
    "A": "${runfiles}/_main/bazel/tests/program.bzl"
  },
  "inherit_env": [
    "LICENCE",
    "TOKEN"
  ],
  "include": [
    "_main/bazel/tests/test_pages.yml",
    "_main/bazel/tests/shared.cases.json",
    "_main/bazel/tests/test_shared.yml"
  ]
}
"""

def _expansion():
    program(
        name = "tool",
        env = {"HERE": "${x} $(y)"},
        env_inherit = ["LICENCE"],
        tags = ["manual"],
    )
    variables(name = "variables", tags = ["manual"])
    native.filegroup(
        name = "both",
        srcs = [
            "manifest_test.bzl",
            "program.bzl",
        ],
        tags = ["manual"],
    )
    native.genrule(
        name = "generated",
        outs = ["made/by genrule.txt"],
        cmd = "echo made >$@",
        tags = ["manual"],
    )
    plan_test(
        name = "expansion_subject_test",
        cases = {
            "test_z_first": [
                {"run": ["$(rootpath :tool)", "--file=$(location program.bzl)"], "assert_stdout": "$$(x)"},
                {"spawn": {"argv": ["$(execpath tool)"], "as": "b", "env": {"HERE": "there"}}},
                {"waitPar": {"b": 0, "a": [0, "SIGTERM"]}},
            ],
            "test_a_second": {
                "inputs": ["$(locations :both)", "plain.txt"],
                "steps": {"spawnPar": [["echo", "$(rlocationpaths :both)"], "echo $(rootpaths both)"]},
            },
            "test_values": [
                {"run": ["sh", "-c", "echo ${port.a} $${b} $HOME $$(date)", "$(KIND)", 5, 1.5, True]},
                {"run": ["$(rlocationpath @bazel_tools//tools/bash/runfiles)", "$(location :generated)"]},
                {"path": "/new", "json": {"z": None, "a": [], "b": {}, "c": "é\n"}, "assert_status": 200},
            ],
        },
        data = [
            ":both",
            ":generated",
            ":tool",
            "program.bzl",
            "@bazel_tools//tools/bash/runfiles",
        ],
        tags = ["manual"],
        toolchains = [":variables"],
    )
    expected = {
        "expansion_subject_test.cases.json": _EXPANSION_CASES,
        "expansion_subject_test.foresee.json": _EXPANSION_FORESEE,
    }
    _written_test(name = "expansion_test", expected = expected, target_under_test = ":expansion_subject_test")
    _written_opt_test(name = "expansion_opt_test", expected = expected, target_under_test = ":expansion_subject_test")

def _settings():
    foresee_manifest(
        name = "shared",
        srcs = ["test_shared.yml"],
        cases = {"test_shared": {"run": "true"}},
        tags = ["manual"],
    )
    usecase_test(
        name = "settings_subject_test",
        srcs = ["test_pages.yml"],
        app = ":tool",
        app_args = ["--port", "${port}", "$(rootpath program.bzl)"],
        app_env = {"DATA": "$(location program.bzl)"},
        app_settings = {"ready": {"log": "up"}, "stop": {"grace": "1s"}},
        data = ["program.bzl"],
        env = {"Z": "$$(1)", "A": "$(rootpath program.bzl)"},
        env_inherit = ["TOKEN"],
        settings = {"timeout": "5s", "vars": {"base": "/x"}},
        tags = ["manual"],
        deps = [":shared"],
    )
    _written_test(
        name = "settings_test",
        expected = {"settings_subject_test.foresee.json": _SETTINGS_FORESEE},
        target_under_test = ":settings_subject_test",
    )

def manifest_test_suite(name):
    """Tests of what the rules write.

    Args:
      name: the name of the suite of all of them.
    """
    _expansion()
    _settings()
    native.test_suite(
        name = name,
        tests = [":expansion_test", ":expansion_opt_test", ":settings_test"],
    )
