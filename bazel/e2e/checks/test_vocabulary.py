"""The words that the rules check at analysis are those of the runner."""

import json
import subprocess
import unittest

from bazel import REPOSITORY
from settings import SETTINGS


def _objects(schema):
    """The shapes of a schema that are mappings: (keys, required keys)."""
    if "properties" in schema:
        yield set(schema["properties"]), set(schema.get("required", []))
    for one in schema.get("anyOf", []):
        yield from _objects(one)


class Vocabulary(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.schema = json.loads(subprocess.run([SETTINGS.runner, "schema"], check=True, capture_output=True).stdout)
        # The file is Python as well: lists, dicts and comprehensions.
        cls.words = {}
        exec((REPOSITORY / "bazel" / "private" / "vocabulary.bzl").read_text(), cls.words)

    def definition(self, name):
        return list(_objects(self.schema["$defs"][name]))

    def test_settings(self):
        # What the rules write themselves.
        written = {"$schema", "version", "name", "include"}
        self.assertEqual(set(self.schema["properties"]) - written, set(self.words["SETTINGS"]))

    def test_cases(self):
        self.assertEqual([set(self.words["CASE_KEYS"])], [keys for keys, _ in self.definition("case")])

    def test_steps(self):
        steps = {word: keys for keys, required in self.definition("step") for word in required}
        self.assertEqual(set(self.words["OPERATORS"]) | {"path"}, set(steps))
        for operator in self.words["OPERATORS"]:
            known = {operator, *self.words["STEP_KEYS"], *self.words["BESIDE"].get(operator, [])}
            self.assertEqual(steps[operator], known, operator)
        self.assertEqual(steps["path"], set(self.words["TARGET_KEYS"]))

    def test_spawns(self):
        self.assertEqual([set(self.words["SPAWN_KEYS"])], [keys for keys, _ in self.definition("spawn")])
        # An app of a rule is a target, not a URL, and needs no name.
        self.assertEqual([set(self.words["APP_KEYS"]) | {"as", "url"}], [keys for keys, _ in self.definition("app")])
