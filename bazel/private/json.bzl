"""JSON that keeps the order of its keys, one step a line.

`json.encode` sorts keys, but the order of cases, of awaited processes and of constraints is part of a manifest. Starlark has no
recursion, hence the explicit stack.
"""

# More values than a manifest has; Starlark has no `while`.
_LIMIT = 1 << 20

# Containers this deep and deeper stand on one line: the file's keys, a case's steps and a step's keys get a line each, so that a
# message of the runner points at the right one.
_FLAT = 3

def encode_json(value, scalar, context, where):
    """Encodes a value as JSON, with the keys in the order given.

    Args:
      value: dicts (with string keys), lists, tuples and whatever `scalar` takes.
      scalar: a function of (context, value, key, path) for each leaf, that returns a list of values to stand in its place: one, or
        in a list any number. `key` is the nearest dict key above the leaf, `path` the place of the leaf, for messages.
      context: what `scalar` gets as its first argument.
      where: the place of `value`, for messages.

    Returns:
      The JSON text, that ends in a line break.
    """
    out = []

    # (text to write, None, ...) or (None, value, depth, key, path).
    stack = [(None, value, 0, None, where)]
    for _ in range(_LIMIT):
        if not stack:
            return "".join(out) + "\n"
        text, item, depth, key, path = stack.pop()
        if text != None:
            out.append(text)
            continue
        kind = type(item)
        if kind == "dict":
            opening, closing = "{", "}"
            children = []
            for name, child in item.items():
                if type(name) != "string":
                    fail("%s: the key %r is no string" % (path, name))
                children.append((json.encode(name) + ": ", child, name, "%s.%s" % (path, name)))
        elif kind == "list" or kind == "tuple":
            opening, closing = "[", "]"
            children = []
            for index, child in enumerate(item):
                place = "%s[%d]" % (path, index)
                for one in [child] if _is_container(child) else scalar(context, child, key, place):
                    children.append(("", one, key, place))
        else:
            items = scalar(context, item, key, path)
            if len(items) != 1:
                fail("%s: %r stands for %d values, and only in a list can it do so" % (path, item, len(items)))
            out.append(json.encode(items[0]))
            continue
        if not children:
            out.append(opening + closing)
            continue
        flat = depth >= _FLAT
        line = "" if flat else "\n" + "  " * (depth + 1)
        between = ", " if flat else "," + line
        stack.append((closing if flat else "\n" + "  " * depth + closing, None, 0, None, None))
        for index in range(len(children) - 1, -1, -1):
            label, child, child_key, child_path = children[index]
            if kind == "dict" or _is_container(child):
                stack.append((None, child, depth + 1, child_key, child_path))
            else:
                # What `scalar` gave for an element of a list.
                stack.append((json.encode(child), None, 0, None, None))
            stack.append(((between if index else opening + line) + label, None, 0, None, None))
    fail("%s: more than %d values" % (where, _LIMIT))

def _is_container(value):
    return type(value) in ["dict", "list", "tuple"]

def _plain(_context, value, _key, path):
    if type(value) == "select":
        fail(("%s: a select() cannot stand within steps, cases or settings. Choose by `data`, `env` or `app`, whose values may be " +
              "selected, or write a test for each choice") % path)
    if type(value) == "Label":
        return [str(value)]
    if type(value) not in ["string", "int", "float", "bool", "NoneType"]:
        fail("%s: a %s (%s) cannot stand in a manifest: use strings, numbers, booleans, lists and dicts" % (path, type(value), value))
    return [value]

def to_json(value, where):
    """Turns a BUILD file's value into the JSON text of an attribute; None is no text.

    Args:
      value: dicts, lists and plain values.
      where: the name of the attribute, for messages.

    Returns:
      JSON text, or "".
    """
    if value == None:
        return ""
    return encode_json(value, _plain, None, where)
