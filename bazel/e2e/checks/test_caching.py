"""A result stays cached until something that the test reads changes."""

import unittest

from settings import SETTINGS


class Caching(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workspace = SETTINGS.suite()

    def cached(self, label):
        results = self.workspace.test(label)
        return results.last(label).cached, results.summaries[label]

    def changes(self, label, file, old, new, status):
        """The test passes, stays cached, and runs again once a file changes."""
        self.assertEqual("PASSED", self.cached(label)[1])
        self.assertEqual((True, "PASSED"), self.cached(label))
        text = file.read_text()
        self.assertIn(old, text)
        with self.workspace.edited(file, text.replace(old, new)):
            self.assertEqual((False, status), self.cached(label))

    def test_data(self):
        self.changes("//:data_test", self.workspace.path / "data.txt", "data", "changed", "FAILED")

    def test_manifest(self):
        self.changes(
            "//:manifest_test",
            self.workspace.path / "plans" / "test_files.yml",
            "assert_stdout: expected",
            "assert_stdout: other",
            "FAILED",
        )

    def test_program(self):
        self.changes("//:external_test", self.workspace.scratch / "app" / "greet.sh", 'echo "$', 'echo "well, $', "FAILED")

    def test_steps(self):
        self.changes("//:echo_test", self.workspace.path / "BUILD.bazel", "hello world", "hello there", "PASSED")
