"""`$(location …)` and make variables in the strings of a manifest.

Only `$(` is Bazel's here: `${…}` is a value of foresee, and a lone `$` stands for itself. `$$(` is a literal `$(`.
A location becomes `${runfiles}/REPOSITORY/PATH`, which foresee turns into a path that exists wherever the test runs: the working
directory of a process is not the runfiles directory, so a path relative to that would be of no use to it. Nothing here names an
output directory, so that a manifest is the same in every configuration.
"""

_SINGULAR = ["location", "rootpath", "execpath", "rlocationpath"]
_PLURAL = ["locations", "rootpaths", "execpaths", "rlocationpaths"]

def target_name(label):
    """A label as people write it.

    Args:
      label: a label.

    Returns:
      Its text, without the `@@` that stands for the main repository.
    """
    return str(label).replace("@@//", "//", 1) if str(label).startswith("@@//") else str(label).replace("@//", "//", 1)

def rlocation_path(ctx, file):
    """The path of a file below the runfiles directory.

    Args:
      ctx: the rule context.
      file: a `File`.

    Returns:
      The path, that begins with the name of a repository.
    """
    if file.short_path.startswith("../"):
        return file.short_path[len("../"):]
    return ctx.workspace_name + "/" + file.short_path

def _root_path(file):
    """The path that `$(rootpath …)` expands to."""
    if file.short_path.startswith("../"):
        return "external/" + file.short_path[len("../"):]
    return file.short_path

def _words(text):
    """Splits what `$(rootpaths …)` expands to: a path with a space is in single quotes."""
    words = []
    word = ""
    for index, part in enumerate(text.split("'")):
        if index % 2:
            word += part
            continue
        pieces = part.split(" ")
        word += pieces[0]
        for piece in pieces[1:]:
            words.append(word)
            word = piece

    # A path without a directory has a `./`, so that a shell would find a program there.
    return [word[2:] if word.startswith("./") else word for word in words + [word]]

def literal(text):
    """Text that foresee takes as it is, with nothing to fill in.

    Args:
      text: a string.

    Returns:
      The string with each `${` as `$${`.
    """
    return text.replace("${", "$${")

def make_expander(ctx, targets):
    """Gathers what the strings of a manifest may refer to.

    Args:
      ctx: the rule context.
      targets: the targets that a `$(location …)` may name.

    Returns:
      The context of `expand_scalar` and `program_of`.
    """

    # `$(rootpaths LABEL)` leaves the resolution of labels, with aliases and the repository mapping, to Bazel. From what it says
    # follows the target, and for a program that consists of several files the one file that is meant.
    rlocations = {}
    programs = {}
    for target in targets:
        files = target[DefaultInfo].files.to_list()
        for file in files:
            rlocations[_root_path(file)] = rlocation_path(ctx, file)
        program = target[DefaultInfo].files_to_run.executable
        if program:
            programs[_program_key([_root_path(file) for file in files])] = (rlocation_path(ctx, program), target)

    variables = dict(ctx.var)
    for toolchain in getattr(ctx.attr, "toolchains", []):
        if platform_common.TemplateVariableInfo in toolchain:
            variables.update(toolchain[platform_common.TemplateVariableInfo].variables)

    return struct(
        ctx = ctx,
        name = target_name(ctx.label),
        programs = programs,
        rlocations = rlocations,
        targets = targets,
        variables = variables,
    )

def _program_key(root_paths):
    return "\n".join(sorted(root_paths))

def _root_paths(expander, label, path):
    """What `$(rootpaths LABEL)` expands to."""
    expression = "$(rootpaths %s)" % label
    expanded = expander.ctx.expand_location(expression, expander.targets)
    if expanded == expression:
        # Bazel has said so already, in the words of a location.
        fail("%s, %s: %s is none of the targets that this one depends on: add it to `data`" % (expander.name, path, label))
    return _words(expanded)

def _locations(expander, function, label, path):
    """The files that a location names, as paths below the runfiles directory."""
    paths = _root_paths(expander, label, path)
    if function in _SINGULAR:
        program = expander.programs.get(_program_key(paths))
        if program:
            return [program[0]]
        if len(paths) != 1:
            fail("%s, %s: $(%s %s) stands for one file, and the target has %d: %s. Use $(%ss %s), or the label of one file" % (
                expander.name,
                path,
                function,
                label,
                len(paths),
                ", ".join(paths),
                function,
                label,
            ))
    return [expander.rlocations[one] for one in paths]

def _value(expander, expression, prefix, path):
    """What stands for `$(EXPRESSION)`."""
    function, space, label = expression.partition(" ")
    if function in _SINGULAR + _PLURAL:
        return " ".join([prefix + location for location in _locations(expander, function, label.strip(), path)])
    if space:
        fail("%s, %s: $(%s) is no location and no make variable. Write $$(%s) when the $( is meant literally" % (
            expander.name,
            path,
            expression,
            expression,
        ))
    if expression not in expander.variables:
        fail("%s, %s: $(%s) is not defined. Define it with --define=%s=VALUE or a target in `toolchains`, or write $$(%s) when the $( is meant literally" % (
            expander.name,
            path,
            expression,
            expression,
            expression,
        ))
    return literal(expander.variables[expression])

def _expand(expander, text, prefix, path):
    pieces = text.split("$(")
    out = [pieces[0]]
    for piece in pieces[1:]:
        if out[-1].endswith("$"):
            # `$$(`: the first of the two is already there.
            out.append("(" + piece)
            continue
        expression, closing, rest = piece.partition(")")
        if not closing:
            fail("%s, %s: the $( in %r is not closed. Write $$( when it is meant literally" % (expander.name, path, text))
        out.append(_value(expander, expression, prefix, path) + rest)
    return "".join(out)

def _sole_location(value, functions):
    """When a string is one location and nothing else: (function, label)."""
    for function in functions:
        if value.startswith("$(%s " % function) and value.find(")") == len(value) - 1:
            return function, value[len(function) + 3:-1].strip()
    return None, None

def expand_scalar(expander, value, key, path):
    """Expands a leaf of a manifest, for `encode_json`.

    Args:
      expander: from `make_expander`.
      value: the leaf.
      key: the dict key that it stands under.
      path: its place, for messages.

    Returns:
      A list of what stands for it: one value, or any number for a string that is exactly the locations of a target.
    """
    if type(value) != "string" or "$(" not in value:
        return [value]

    # An input is copied to its own path in the work directory, so it cannot be absolute.
    prefix = "" if key == "inputs" else "${runfiles}/"
    function, label = _sole_location(value, _PLURAL)
    if function:
        return [prefix + location for location in _locations(expander, function, label, path)]
    return [_expand(expander, value, prefix, path)]

def program_of(expander, value):
    """Finds the program that a string is the location of.

    Args:
      expander: from `make_expander`.
      value: the string, or any other value.

    Returns:
      One of the expander's targets, or None.
    """
    if type(value) != "string":
        return None
    function, label = _sole_location(value, _SINGULAR)
    if not function:
        return None
    program = expander.programs.get(_program_key(_root_paths(expander, label, "argv[0]")))
    return program[1] if program else None
