"""Every target of the suite comes to what expected.py says, with exactly its test cases."""

import unittest

from expected import OLDEST, SOME_FAILED, TARGETS
from settings import SETTINGS

INHERITED = {"INHERITED": "from outside"}


class _Outcomes:
    """One `bazel test //...`; a test method for each target."""

    strategy = ()

    @classmethod
    def setUpClass(cls):
        # The oldest Bazel cannot be asked for a variable by the rule: its users say --test_env.
        flags = [*cls.strategy, *(["--test_env=INHERITED"] if SETTINGS.oldest else [])]
        cls.results = SETTINGS.suite().test("//...", flags=flags, env=INHERITED)

    def test_exit_code(self):
        self.assertEqual(SOME_FAILED, self.results.exit_code, self.results.output)

    def test_nothing_else_ran(self):
        self.assertEqual(set(TARGETS), set(self.results.summaries))


def _target_test(label):
    def test(self):
        status, cases = TARGETS[label]
        self.maxDiff = None
        if SETTINGS.oldest and label in OLDEST:
            status, cases = OLDEST[label]
        self.assertIn(label, self.results.summaries, self.results.output)
        log = self.results.last(label).files["test.log"].read_text()
        self.assertEqual(status, self.results.summaries[label], log)
        self.assertEqual(cases, self.results.cases(label))

    return test


for _label in TARGETS:
    setattr(_Outcomes, "test" + _label.replace("//:", "_").removesuffix("_test"), _target_test(_label))


class Outcomes(_Outcomes, unittest.TestCase):
    """As Bazel runs tests by default."""


class SandboxedOutcomes(_Outcomes, unittest.TestCase):
    """In Bazel's own sandbox, without a network."""

    strategy = ("--spawn_strategy=linux-sandbox", "--sandbox_default_allow_network=false")
