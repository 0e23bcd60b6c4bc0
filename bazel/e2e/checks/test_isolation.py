"""foresee's own isolation, within Bazel's sandbox."""

import unittest

from settings import SETTINGS
from test_outcomes import SandboxedOutcomes


class NestedIsolation(unittest.TestCase):
    def test_full(self):
        """All isolation is had, and the report says so."""
        results = SETTINGS.suite().test("//:isolated_test", flags=SandboxedOutcomes.strategy)
        last = results.last("//:isolated_test")
        self.assertEqual(0, results.exit_code, results.output + last.files["test.log"].read_text())
        (suite,) = last.suites()
        properties = {item.get("name"): item.get("value") for item in suite.findall("./properties/property")}
        self.assertEqual("full", properties["isolation"], properties)
