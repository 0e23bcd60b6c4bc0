"""What plan_test and usecase_test share: the test rule."""

load("@foresee_toolchains//:features.bzl", "features")
load(":check.bzl", "check_app_settings", "check_settings", "fail_with")
load(":expand.bzl", "expand_scalar", "rlocation_path")
load(":json.bzl", "encode_json")
load(":manifest.bzl", "CASES_ATTRS", "collect_manifests", "environment_of", "protect")

# A string, that older Bazel wants here, too.
_RUN_TYPE = str(Label("//bazel/toolchain:run_type"))

# What Bazel tells an instrumented program in a coverage run; without it the program would write no counts.
_COVERAGE_ENV = [
    "COVERAGE",
    "COVERAGE_DIR",
    "COVERAGE_MANIFEST",
    "COVERAGE_OUTPUT_FILE",
    "GCOV_PREFIX",
    "GCOV_PREFIX_STRIP",
    "JAVA_COVERAGE_FILE",
    "LLVM_PROFILE_FILE",
]

def _app(ctx, inherit):
    """The `app` of the manifest, before expansion."""
    app = ctx.attr.app
    settings = json.decode(ctx.attr.app_settings) if ctx.attr.app_settings else {}
    fail_with(ctx.label, check_app_settings(settings))
    env, inherited = environment_of(app)
    inherit.extend(inherited)
    env.update(ctx.attr.app_env)
    mapping = {"argv": ["${runfiles}/" + protect(rlocation_path(ctx, ctx.executable.app))] + ctx.attr.app_args}
    if env:
        mapping["env"] = env
    mapping.update(settings)
    return mapping

def _entry(ctx, manifests, inherit):
    """The manifest that the runner finds beside the executable: settings, and which cases to run."""
    settings = json.decode(ctx.attr.settings) if ctx.attr.settings else {}
    fail_with(ctx.label, check_settings(settings) + [
        "env and env_inherit: both have %r; keep the one that is meant" % name
        for name in ctx.attr.env
        if name in ctx.attr.env_inherit
    ])
    entry = {"version": 1}
    entry.update(settings)
    if hasattr(ctx.attr, "app"):
        entry["app"] = _app(ctx, inherit)
    if ctx.attr.env:
        entry["env"] = ctx.attr.env
    if inherit:
        entry["inherit_env"] = sorted({name: None for name in inherit})

    # Below the runfiles, where the files that a case names by a path of its own stand as in the source tree.
    entry["include"] = [protect(rlocation_path(ctx, manifest)) for manifest in manifests]
    return entry

def _environment_provider(inherit):
    """Asks Bazel for variables of its caller's environment."""
    if features.RunEnvironmentInfo:
        return [features.RunEnvironmentInfo(environment = {}, inherited_environment = inherit)]

    # Older Bazel cannot be asked: its users add --test_env=NAME.
    return []

def _test_impl(ctx):
    app = [ctx.attr.app] if hasattr(ctx.attr, "app") else []
    info, expander = collect_manifests(ctx, more_targets = app)

    inherit = list(ctx.attr.env_inherit)
    if ctx.configuration.coverage_enabled:
        inherit += _COVERAGE_ENV
    entry_file = ctx.actions.declare_file(ctx.label.name + ".foresee.json")
    entry = _entry(ctx, info.manifests.to_list(), inherit)
    ctx.actions.write(entry_file, encode_json(entry, expand_scalar, expander, "the test"))

    # The runner itself, under the test's name: by that it finds its manifest. A launcher script would need a shell, and would die of
    # the signal by which Bazel ends a test that takes too long, before the runner has written its report.
    runner = ctx.toolchains[_RUN_TYPE].runner
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = executable, target_file = runner, is_executable = True)

    runfiles = ctx.runfiles(files = [entry_file, runner]).merge(info.runfiles)
    for target in app:
        runfiles = runfiles.merge(ctx.runfiles(files = [ctx.executable.app])).merge(target[DefaultInfo].default_runfiles)

    return [
        DefaultInfo(executable = executable, runfiles = runfiles),
        coverage_common.instrumented_files_info(
            ctx,
            dependency_attributes = ["data", "deps"] + (["app"] if app else []),
        ),
        # Ctrl-C sends SIGTERM first, and the report is written.
        testing.ExecutionInfo({"supports-graceful-termination": ""}),
    ] + _environment_provider(depset(inherit, transitive = [info.env_inherit]).to_list())

_TEST_ATTRS = dict(
    CASES_ATTRS,
    env = attr.string_dict(doc = "The environment of all processes."),
    env_inherit = attr.string_list(doc = "The names of variables that processes get from Bazel's caller."),
    settings = attr.string(doc = "JSON: settings of the manifest."),
    **(
        # None unless coverage is collected. Bazel without RunEnvironmentInfo does not have it either.
        {"_lcov_merger": attr.label(
            default = configuration_field(fragment = "coverage", name = "output_generator"),
            cfg = "exec",
        )} if features.RunEnvironmentInfo else {}
    )
)

_APP_ATTRS = dict(
    app = attr.label(
        doc = "The app: an executable target.",
        cfg = "target",
        executable = True,
        mandatory = True,
    ),
    app_args = attr.string_list(doc = "The app's arguments."),
    app_env = attr.string_dict(doc = "The app's environment."),
    app_settings = attr.string(doc = "JSON: further keys of the manifest's `app`."),
)

plan_test = rule(
    implementation = _test_impl,
    attrs = _TEST_ATTRS,
    fragments = ["coverage"],
    test = True,
    toolchains = [_RUN_TYPE],
)

usecase_test = rule(
    implementation = _test_impl,
    attrs = dict(_TEST_ATTRS, **_APP_ATTRS),
    fragments = ["coverage"],
    test = True,
    toolchains = [_RUN_TYPE],
)
