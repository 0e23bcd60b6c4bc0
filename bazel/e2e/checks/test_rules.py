"""The rules by themselves: their analysis tests, their reference, their words."""

import subprocess
import sys
import unittest

from bazel import REPOSITORY, Checkout
from settings import SETTINGS


class Rules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workspace = Checkout(SETTINGS.program, SETTINGS.flags)
        cls.addClassCleanup(cls.workspace.close)

    def test_analysis(self):
        """bazel/tests. Nothing is run, so no runner is built for it."""
        results = self.workspace.test(
            "//bazel/tests/...", flags=["--extra_toolchains=//bazel/tests:analysis_toolchain", "--test_output=errors"]
        )
        self.assertEqual(0, results.exit_code, results.output)
        self.assertGreater(len(results.summaries), 25)
        self.assertEqual({"PASSED"}, set(results.summaries.values()), results.output)

    def test_reference(self):
        """docs/bazel.md says what the docstrings say."""
        modules = ["defs", "extensions", "repositories"]
        exit_code, output = self.workspace.call("build", *[f"//bazel/docs:{module}.textproto" for module in modules])
        self.assertEqual(0, exit_code, output)
        built = [str(self.workspace.scratch / "bin" / "bazel" / "docs" / f"{module}.textproto") for module in modules]
        subprocess.run(
            [sys.executable, REPOSITORY / "bazel" / "docs" / "render.py", "--check", REPOSITORY / "docs" / "bazel.md", *built],
            check=True,
        )


class Mistakes(unittest.TestCase):
    """What only the reading of a BUILD file can tell."""

    def test_select(self):
        workspace = SETTINGS.suite()
        build = workspace.path / "BUILD.bazel"
        text = (
            build.read_text()
            + 'plan_test(name = "selected_test", steps = [{"run": select({"//conditions:default": ["true"]})}])\n'
        )
        with workspace.edited(build, text):
            exit_code, output = workspace.call("query", "//:all")
        self.assertNotEqual(0, exit_code)
        self.assertIn(f'BUILD.bazel", line {len(text.splitlines())}', output)
        self.assertIn("steps[0].run: a select() cannot stand within steps", output)
