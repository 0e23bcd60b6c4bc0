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
    """Makes the function that expands the strings of a manifest.

    Args:
      ctx: the rule context.
      targets: the targets that a `$(location …)` may name.

    Returns:
      A struct of `scalar(value, key, path)`, for `encode_json`, and `executable(value)`: the target, one of `targets`, of which
      the string is exactly the location, or None.
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
            programs["\n".join(sorted([_root_path(file) for file in files]))] = (rlocation_path(ctx, program), target)

    variables = dict(ctx.var)
    for toolchain in getattr(ctx.attr, "toolchains", []):
        if platform_common.TemplateVariableInfo in toolchain:
            variables.update(toolchain[platform_common.TemplateVariableInfo].variables)

    def root_paths(label, path):
        expression = "$(rootpaths %s)" % label
        expanded = ctx.expand_location(expression, targets)
        if expanded == expression:
            # Bazel has said so already, in the words of a location.
            fail("%s, %s: %s is none of the targets that this one depends on: add it to `data`" % (target_name(ctx.label), path, label))
        return sorted(_words(expanded))

    def locations(function, label, path):
        """The files that a location names, as paths below the runfiles directory."""
        paths = root_paths(label, path)
        if function in _SINGULAR:
            program = programs.get("\n".join(paths))
            if program:
                return [program[0]]
            if len(paths) != 1:
                fail("%s, %s: $(%s %s) stands for one file, and the target has %d: %s. Use $(%ss %s), or the label of one file" % (
                    target_name(ctx.label),
                    path,
                    function,
                    label,
                    len(paths),
                    ", ".join(paths),
                    function,
                    label,
                ))
        return [rlocations[path] for path in paths]

    def parse(expression, path):
        """Splits the inside of `$(…)` into (function or None, argument)."""
        if " " not in expression:
            return None, expression
        function, _, label = expression.partition(" ")
        if function not in _SINGULAR + _PLURAL:
            fail("%s, %s: $(%s) is no location and no make variable. Write $$(%s) when the $( is meant literally" % (
                target_name(ctx.label),
                path,
                expression,
                expression,
            ))
        return function, label.strip()

    def expand(text, prefix, path):
        pieces = text.split("$(")
        out = [pieces[0]]
        for piece in pieces[1:]:
            if out[-1].endswith("$"):
                # `$$(`: the first of the two is already there.
                out.append("(" + piece)
                continue
            expression, closing, rest = piece.partition(")")
            if not closing:
                fail("%s, %s: the $( in %r is not closed. Write $$( when it is meant literally" % (target_name(ctx.label), path, text))
            function, argument = parse(expression, path)
            if function:
                out.append(" ".join([prefix + location for location in locations(function, argument, path)]))
            elif argument in variables:
                out.append(literal(variables[argument]))
            else:
                fail("%s, %s: $(%s) is not defined. Define it with --define=%s=VALUE or a target in `toolchains`, or write $$(%s) when the $( is meant literally" % (
                    target_name(ctx.label),
                    path,
                    argument,
                    argument,
                    argument,
                ))
            out.append(rest)
        return "".join(out)

    def scalar(value, key, path):
        if type(value) != "string" or "$(" not in value:
            return [value]

        # An input is copied to its own path in the work directory, so it cannot be absolute.
        prefix = "" if key == "inputs" else "${runfiles}/"
        for function in _PLURAL:
            if value.startswith("$(%s " % function) and value.find(")") == len(value) - 1:
                label = value[len(function) + 3:-1].strip()
                return [prefix + location for location in locations(function, label, path)]
        return [expand(value, prefix, path)]

    def executable(value):
        for function in _SINGULAR:
            if type(value) == "string" and value.startswith("$(%s " % function) and value.find(")") == len(value) - 1:
                program = programs.get("\n".join(root_paths(value[len(function) + 3:-1].strip(), "argv[0]")))
                return program[1] if program else None
        return None

    return struct(scalar = scalar, executable = executable)
