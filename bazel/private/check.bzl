"""The mistakes that can be told at analysis, with the target they are in and what to write instead.

The shape of cases and steps, no more: what a value means is known to the runner, which says it as a load error of the test.
"""

load(":expand.bzl", "target_name")
load(
    ":vocabulary.bzl",
    "APP_KEYS",
    "BESIDE",
    "CASE_KEYS",
    "CONSTRAINTS",
    "OPERATORS",
    "SETTINGS",
    "SPAWN_KEYS",
    "STEP_KEYS",
    "TARGET_KEYS",
)

def _distance(a, b):
    """How many letters must be put in, taken out or replaced to turn `a` into `b`."""
    row = list(range(len(b) + 1))
    for i in range(len(a)):
        above = row
        row = [i + 1]
        for j in range(len(b)):
            row.append(min(above[j + 1] + 1, row[j] + 1, above[j] + (0 if a[i] == b[j] else 1)))
    return row[-1]

def nearest(word, words):
    """The one of `words` that was probably meant, or None.

    Args:
      word: what was written.
      words: what may be written.

    Returns:
      One of `words`, at most a third of whose letters are wrong.
    """
    best, least = None, None
    for candidate in words:
        distance = _distance(word.lower(), candidate.lower())
        if distance * 3 <= max(len(word), len(candidate)) and (least == None or distance < least):
            best, least = candidate, distance
    return best

def _unknown_keys(keys, known, path):
    errors = []
    for key in keys:
        if key not in known and not key.startswith("x-"):
            meant = nearest(key, known)
            errors.append("%s: unknown key %r, %s" % (
                path,
                key,
                "did you mean %r?" % meant if meant else "one of %s can stand here" % ", ".join(sorted(known)),
            ))
    return errors

def _check_spawn(value, path):
    kind = type(value)
    if kind == "dict":
        if not value.get("argv"):
            return ["%s: no `argv`: write {\"argv\": [\"PROGRAM\", \"ARGUMENT\"]}" % path]
        return _unknown_keys(value.keys(), SPAWN_KEYS, path)
    if kind not in ["list", "string"] or not value:
        return ["%s: a program and its arguments are wanted: [\"PROGRAM\", \"ARGUMENT\"], not %r" % (path, value)]
    return []

def _check_operator(step, operator, path):
    errors = _unknown_keys(step.keys(), [operator] + STEP_KEYS + BESIDE.get(operator, []), path)
    if operator in ["spawn", "run"]:
        errors += _check_spawn(step[operator], "%s.%s" % (path, operator))
    elif operator == "spawnPar":
        if type(step[operator]) != "list" or not step[operator]:
            errors.append("%s.spawnPar: a list of programs with their arguments is wanted: [[\"PROGRAM\"], [\"OTHER\"]]" % path)
        else:
            for index, one in enumerate(step[operator]):
                errors += _check_spawn(one, "%s.spawnPar[%d]" % (path, index))
    return errors

def _check_step(step, path):
    if type(step) != "dict":
        return ["%s: a step is a dict, {\"run\": [\"PROGRAM\"]} for one, not %r" % (path, step)]
    operators = [key for key in step if key in OPERATORS]
    if "kill" in operators and "signal" in operators:
        # Beside `kill` it is the signal to send.
        operators.remove("signal")
    if "path" in step:
        errors = _unknown_keys(step.keys(), TARGET_KEYS, path)
        if not errors and not [key for key in step if key in CONSTRAINTS or key == "capture"]:
            errors.append("%s: nothing is expected of the response: add a constraint, \"assert_status\": 200 for one" % path)
        return errors
    if not operators:
        unknown = [nearest(key, OPERATORS) for key in step if nearest(key, OPERATORS)]
        return ["%s: no operator (%s) and no `path`%s" % (
            path,
            ", ".join(OPERATORS),
            "; did you mean %r?" % unknown[0] if unknown else "",
        )]
    if len(operators) > 1:
        return ["%s: two operators, %s: make them two steps" % (path, " and ".join(operators))]
    return _check_operator(step, operators[0], path)

def _check_steps(steps, path):
    if type(steps) == "dict":
        return _check_step(steps, path)
    if type(steps) != "list" or not steps:
        return ["%s: a step or a list of steps is wanted, not %r" % (path, steps)]
    errors = []
    for index, step in enumerate(steps):
        errors += _check_step(step, "%s[%d]" % (path, index))
    return errors

def _check_name(name, path):
    if not name.lower().startswith("test") or name.lower() in ["test", "tests", "testing"]:
        return ["%s: a case's name starts with `test` and goes on: \"test_%s\"" % (path, name if name.lower() != "test" else "it")]
    for letter in name.elems():
        if not letter.isalnum() and letter not in "_-.":
            return ["%s: %r cannot stand in a case's name, that has letters, digits, `_`, `-` and `.`" % (path, letter)]
    return []

def check_cases(cases):
    """Finds what is wrong with the shape of cases.

    Args:
      cases: a dict of case names to a step, a list of steps or a dict with `steps`.

    Returns:
      A list of messages.
    """
    if type(cases) != "dict":
        return ["cases: a dict of names to steps is wanted, {\"test_it\": [{\"run\": [\"PROGRAM\"]}]}, not %r" % (cases,)]
    errors = []
    for name, case in cases.items():
        path = "cases." + name
        errors += _check_name(name, path)
        if type(case) == "dict" and "steps" in case:
            errors += _unknown_keys(case.keys(), CASE_KEYS, path)
            errors += _check_steps(case["steps"], path + ".steps")
        else:
            errors += _check_steps(case, path)
    return errors

def check_settings(settings):
    """Finds what is wrong with the keys of `settings`.

    Args:
      settings: a dict.

    Returns:
      A list of messages.
    """
    return _check_mapping(settings, "settings", "{\"timeout\": \"5s\"}", SETTINGS, {
        "app": "app",
        "env": "env",
        "inherit_env": "env_inherit",
    })

def check_app_settings(settings):
    """Finds what is wrong with the keys of `app_settings`.

    Args:
      settings: a dict.

    Returns:
      A list of messages.
    """
    return _check_mapping(settings, "app_settings", "{\"ready\": {\"log\": \"listening\"}}", APP_KEYS, {
        "argv": "app_args",
        "env": "app_env",
    })

def _check_mapping(mapping, attribute, example, known, elsewhere):
    if type(mapping) != "dict":
        return ["%s: a dict is wanted, %s for one, not %r" % (attribute, example, mapping)]
    return [
        "%s.%s: write it as the attribute `%s`" % (attribute, key, elsewhere[key])
        for key in mapping
        if key in elsewhere
    ] + _unknown_keys(mapping.keys(), known, attribute)

def fail_with(label, errors):
    """Ends the analysis when there are errors.

    Args:
      label: the label of the target.
      errors: a list of messages.
    """
    if errors:
        fail("%s: %s%s" % (target_name(label), "" if len(errors) == 1 else "%d mistakes\n  " % len(errors), "\n  ".join(errors)))
