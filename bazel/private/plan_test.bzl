"""The macro plan_test."""

load(":json.bzl", "to_json")
load(":test.bzl", _plan_test = "plan_test")

def plan_test(
        name,
        steps = None,
        cases = None,
        manifest = None,
        data = [],
        deps = [],
        env = {},
        env_inherit = [],
        settings = None,
        **kwargs):
    """A test that starts, awaits and ends processes, in which every exit must be anticipated.

    ```starlark
    plan_test(
        name = "echo_test",
        steps = [
            {"spawn": ["echo", "hello world"]},
            {"wait": {"echo": 0}, "assert_stdout": "hello world"},
        ],
    )
    ```

    Give `steps` (for one case), `cases` (for several), `manifest` (for cases in a file of their own) or `deps`, or some of them.
    In every string, `$(location LABEL)` (or `rootpath`, `execpath`, `rlocationpath`; for all files of a target with an `s`) becomes a
    path that exists, `$(NAME)` a make variable, and `$$(` a literal `$(`; `${NAME}` is left to foresee.

    Args:
      name: the name of the target.
      steps: the steps of a sole case, as in a manifest: a list of dicts. The case is named after the target: `echo_test` has `test_echo`.
      cases: a dict of case names to a step, a list of steps or a dict with `steps`.
      manifest: a manifest, in YAML or JSON. Files that it names relative to itself belong in `data`.
      data: files and programs that the cases use. A process finds a file by `$(location LABEL)`, or below the directory
        `${manifest}` at the path that it has in this package.
      deps: `foresee_manifest` targets, whose cases run, too.
      env: the environment of all processes, besides what a process has anyway.
      env_inherit: the names of variables that processes get from the environment of Bazel's caller, or from `--test_env`.
      settings: settings of the manifest, for all cases: a dict with `timeout`, `deadline`, `attempts`, `inputs`, `limits`, `sandbox`,
        `secrets` or `vars`.
      **kwargs: the attributes that all tests have: `args` (flags of `foresee run`), `size`, `timeout`, `shard_count`, `flaky`, `tags`,
        `exec_properties`, `visibility` and so on.
    """
    _plan_test(
        name = name,
        cases = to_json(cases, "cases"),
        data = data,
        deps = deps,
        env = env,
        env_inherit = env_inherit,
        manifests = [manifest] if manifest else [],
        settings = to_json(settings, "settings"),
        steps = to_json(steps, "steps"),
        **kwargs
    )
