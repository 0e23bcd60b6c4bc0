"""ForeseeManifestInfo, the rule foresee_manifest, and what tests share with them: writing the file of a target's own cases."""

load("@foresee_toolchains//:features.bzl", "features")
load(":check.bzl", "check_cases", "fail_with")
load(":expand.bzl", "expand_scalar", "literal", "make_expander", "program_of")
load(":json.bzl", "encode_json", "to_json")

ForeseeManifestInfo = provider(
    doc = "Manifests that a test includes, with what their cases need. Return it from a rule of your own to generate cases.",
    fields = {
        "env_inherit": "depset of strings: the names of environment variables that the cases want from Bazel's caller",
        "manifests": "depset of Files, in order: manifests in YAML or JSON, each valid on its own",
        "runfiles": "runfiles: the manifests, and all that their cases read or run",
    },
)

CASES_ATTRS = {
    "cases": attr.string(doc = "JSON: names to steps."),
    "data": attr.label_list(
        doc = "Files and programs that the cases use; `$(location LABEL)` may name these.",
        allow_files = True,
    ),
    "deps": attr.label_list(
        doc = "Other manifests, whose cases run too: `foresee_manifest` targets.",
        providers = [ForeseeManifestInfo],
    ),
    "manifests": attr.label_list(
        doc = "Manifests in YAML or JSON, as they are.",
        allow_files = [".yml", ".yaml", ".json"],
    ),
    "steps": attr.string(doc = "JSON: the steps of a sole case."),
}

def _run_environment(target):
    """What a program wants in its environment: (fixed, names to inherit)."""
    if features.RunEnvironmentInfo == None or features.RunEnvironmentInfo not in target:
        return {}, []
    info = target[features.RunEnvironmentInfo]
    return info.environment, info.inherited_environment

def protect(text):
    """Text that the expansion and foresee leave as it is.

    Args:
      text: a string that is final.

    Returns:
      The string with everything escaped.
    """
    return literal(text).replace("$(", "$$(")

def environment_of(target):
    """What a program wants in its environment, by its RunEnvironmentInfo.

    Args:
      target: the program.

    Returns:
      A dict, whose values need no further escaping, and a list of names to inherit.
    """
    fixed, inherited = _run_environment(target)
    return {name: protect(value) for name, value in fixed.items()}, inherited

def _with_environment(spawn, expander, inherit):
    """Adds to a spawn the environment that its program wants."""
    mapping = spawn if type(spawn) == "dict" else {"argv": spawn}
    argv = mapping["argv"]
    target = program_of(expander, argv[0]) if type(argv) == "list" else None
    if not target:
        return spawn
    fixed, inherited = environment_of(target)
    inherit.extend(inherited)
    if not fixed:
        return spawn
    mapping = dict(mapping)
    fixed.update(mapping.get("env", {}))
    mapping["env"] = fixed
    return mapping

def _add_environments(steps, expander, inherit):
    if type(steps) == "dict":
        steps = [steps]
    out = []
    for step in steps:
        step = dict(step)
        for operator in ["spawn", "run"]:
            if operator in step:
                step[operator] = _with_environment(step[operator], expander, inherit)
        if "spawnPar" in step:
            step["spawnPar"] = [_with_environment(one, expander, inherit) for one in step["spawnPar"]]
        out.append(step)
    return out

def _sole_case_name(name):
    """The name of the case that `steps` make: echo_test has test_echo."""
    if name.endswith("_test"):
        name = name[:-len("_test")]
    name = "".join([letter if letter.isalnum() or letter in "_-." else "_" for letter in name.elems()])
    return name if name.lower().startswith("test") and len(name) > len("testing") else "test_" + name

def _own_cases(ctx):
    """The cases written in the BUILD file, checked; None when there are none."""
    if ctx.attr.steps and ctx.attr.cases:
        fail_with(ctx.label, ["`steps` and `cases`: give the one or the other; `steps` is short for a single case"])
    if ctx.attr.steps:
        # The path in a message is that of the attribute.
        name = _sole_case_name(ctx.label.name)
        cases = {name: json.decode(ctx.attr.steps)}
        fail_with(ctx.label, [error.replace("cases." + name, "steps", 1) for error in check_cases(cases)])
        return cases
    if ctx.attr.cases:
        cases = json.decode(ctx.attr.cases)
        fail_with(ctx.label, check_cases(cases))
        return cases
    return None

def collect_manifests(ctx, more_targets = []):
    """Writes the cases of a target's BUILD file and gathers them with the manifests that it names.

    Args:
      ctx: the context of a rule with CASES_ATTRS.
      more_targets: further targets that a location may name.

    Returns:
      The ForeseeManifestInfo, and the expander for the target's other strings.
    """
    expander = make_expander(ctx, ctx.attr.data + ctx.attr.manifests + more_targets)
    files = []
    inherit = []
    cases = _own_cases(ctx)
    if cases:
        # The suites bear the target's name; what Bazel runs is the target, not a file that it wrote.
        manifest = {"version": 1, "name": ctx.label.package + "/" + ctx.label.name if ctx.label.package else ctx.label.name}
        bodies = {}
        for name, case in cases.items():
            if type(case) == "dict" and "steps" in case:
                body = dict(case)
                body["steps"] = _add_environments(case["steps"], expander, inherit)
                bodies[name] = body
            else:
                bodies[name] = _add_environments(case, expander, inherit)
        if inherit:
            manifest["inherit_env"] = sorted({name: None for name in inherit})
        manifest.update(bodies)
        own = ctx.actions.declare_file(ctx.label.name + ".cases.json")
        ctx.actions.write(own, encode_json(manifest, expand_scalar, expander, "steps" if ctx.attr.steps else "cases"))
        files.append(own)
    files += ctx.files.manifests
    if not files and not ctx.attr.deps:
        fail_with(ctx.label, ["nothing to run: give `steps`, `cases`, a manifest or `deps`"])

    runfiles = ctx.runfiles(files = files + ctx.files.data)
    for target in ctx.attr.data + ctx.attr.manifests:
        runfiles = runfiles.merge(target[DefaultInfo].default_runfiles)
    infos = [dep[ForeseeManifestInfo] for dep in ctx.attr.deps]
    for info in infos:
        runfiles = runfiles.merge(info.runfiles)
    return ForeseeManifestInfo(
        env_inherit = depset(inherit, transitive = [info.env_inherit for info in infos]),
        manifests = depset(files, transitive = [info.manifests for info in infos], order = "preorder"),
        runfiles = runfiles,
    ), expander

def _foresee_manifest_impl(ctx):
    info, _ = collect_manifests(ctx)
    return [
        DefaultInfo(files = info.manifests, runfiles = info.runfiles),
        coverage_common.instrumented_files_info(ctx, dependency_attributes = ["data", "deps"]),
        info,
    ]

_foresee_manifest = rule(
    implementation = _foresee_manifest_impl,
    attrs = CASES_ATTRS,
)

def foresee_manifest(name, cases = None, srcs = [], data = [], deps = [], **kwargs):
    """Cases for tests to share: `plan_test(deps = [...])` and `usecase_test(deps = [...])` run them with their own.

    ```starlark
    foresee_manifest(
        name = "smoke",
        cases = {"test_version": {"run": ["$(rootpath :server)", "--version"]}},
        data = [":server"],
    )
    ```

    Args:
      name: the name of the target.
      cases: a dict of case names to a step, a list of steps or a dict with `steps`, as in `plan_test`.
      srcs: manifests in YAML or JSON, as they are.
      data: files and programs that the cases use.
      deps: other `foresee_manifest` targets, whose cases come along.
      **kwargs: the attributes that all rules have, such as `visibility`.
    """
    _foresee_manifest(
        name = name,
        cases = to_json(cases, "cases"),
        data = data,
        deps = deps,
        manifests = srcs,
        **kwargs
    )
