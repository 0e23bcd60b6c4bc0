"""The macro usecase_test."""

load(":json.bzl", "to_json")
load(":test.bzl", _usecase_test = "usecase_test")

def usecase_test(
        name,
        app,
        srcs = [],
        cases = None,
        app_args = [],
        app_env = {},
        app_settings = None,
        data = [],
        deps = [],
        env = {},
        env_inherit = [],
        settings = None,
        **kwargs):
    """A test that talks HTTP to an app, which is started afresh for every case.

    ```starlark
    usecase_test(
        name = "pages_test",
        srcs = ["test_pages.yml"],
        app = ":server",
        app_args = ["--port", "${port}"],
    )
    ```

    Strings are expanded as in `plan_test`.

    Args:
      name: the name of the target.
      app: the app, an executable target. The environment that it declares (`env` of a `py_binary`, say) is the app's.
      srcs: manifests in YAML or JSON, as they are. Files that they name relative to themselves belong in `data`.
      cases: cases besides, or instead: a dict of case names to a target, a list of steps or a dict with `steps`.
      app_args: the arguments of the app. `${port}` is the port to listen on.
      app_env: the environment of the app, besides `env`.
      app_settings: further keys of the manifest's `app`: a dict with `listen`, `ready`, `stop`, `cwd`, `stdin` or `reserve`.
      data: files and programs that the cases use.
      deps: `foresee_manifest` targets, whose cases run, too.
      env: the environment of all processes, besides what a process has anyway.
      env_inherit: the names of variables that processes get from the environment of Bazel's caller, or from `--test_env`.
      settings: settings of the manifest, for all cases, as in `plan_test`.
      **kwargs: the attributes that all tests have: `args` (flags of `foresee run`), `size`, `timeout`, `shard_count`, `flaky`, `tags`,
        `exec_properties`, `visibility` and so on.
    """
    _usecase_test(
        name = name,
        app = app,
        app_args = app_args,
        app_env = app_env,
        app_settings = to_json(app_settings, "app_settings"),
        cases = to_json(cases, "cases"),
        data = data,
        deps = deps,
        env = env,
        env_inherit = env_inherit,
        manifests = srcs,
        settings = to_json(settings, "settings"),
        **kwargs
    )
