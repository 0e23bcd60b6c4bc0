"""A result stays cached until something that the test reads changes."""

import unittest

from settings import SETTINGS


class Caching(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workspace = SETTINGS.workspace("suite")
        cls.addClassCleanup(cls.workspace.close)

    def cached(self, label):
        results = self.workspace.test(label)
        return results.last(label).cached, results.summaries[label]

    def changes(self, label, file, old, new, status):
        """The test passes, stays cached, and runs again once a file changes."""
        self.assertEqual((False, "PASSED"), self.cached(label))
        self.assertEqual((True, "PASSED"), self.cached(label))
        text = file.read_text()
        self.assertIn(old, text)
        file.write_text(text.replace(old, new))
        self.assertEqual((False, status), self.cached(label))

    def test_data(self):
        self.changes("//:env_test", self.workspace.path / "data.txt", "data", "changed", "FAILED")

    def test_manifest(self):
        self.changes(
            "//:manifest_test",
            self.workspace.path / "plans" / "test_files.yml",
            "assert_stdout: expected",
            "assert_stdout: other",
            "FAILED",
        )

    def test_program(self):
        self.changes("//:external_test", self.workspace.scratch / "app" / "motd.txt", "from", "still from", "FAILED")

    def test_steps(self):
        self.changes("//:echo_test", self.workspace.path / "BUILD.bazel", "hello world", "hello there", "PASSED")
