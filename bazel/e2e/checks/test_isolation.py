"""foresee's own isolation, within Bazel's sandbox: the attempts of testdata/isolation/full come to what they come to outside of it."""

import shutil
import tempfile
import unittest
from pathlib import Path

import test_outcomes
from bazel import REPOSITORY, Workspace
from expected import SOME_FAILED
from settings import SETTINGS, use_local_runner

ATTEMPTS = REPOSITORY / "testdata" / "isolation" / "full"

# What a case may see of the machine must not lie in a home directory, or that is there as well.
OUTSIDE_OF_HOMES = "/var/tmp"
PATH = "/usr/local/bin:/usr/bin:/bin"


def _target(manifest):
    return "//isolation:" + manifest.removeprefix("test_").removesuffix(".yml") + "_test"


def _expected():
    """What is expected of foresee by itself: targets to (status, test cases)."""
    lines = (ATTEMPTS / "expected.txt").read_text().splitlines()
    (status,) = [number for number, line in enumerate(lines) if line.startswith("--- exit status")]
    found = {}
    for line in lines[status + 1 :]:
        verdict, test = line.split("  ", 1)
        suite, name = test.rsplit(" :: ", 1)
        found.setdefault(_target(suite.split(" :: ")[0]), {})[f"isolation/{suite} / {name}"] = verdict
    passed = {"passed"}
    return {label: ("PASSED" if set(cases.values()) == passed else "FAILED", cases) for label, cases in found.items()}


EXPECTED = _expected()


class NestedIsolation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        base = Path(tempfile.mkdtemp(prefix="foresee-e2e-", dir=OUTSIDE_OF_HOMES))
        cls.addClassCleanup(shutil.rmtree, base)
        workspace = Workspace("suite", [*SETTINGS.program, f"--output_base={base}/out"], SETTINGS.flags)
        cls.addClassCleanup(workspace.close)
        runner = shutil.copy(SETTINGS.runner, base / "foresee")
        use_local_runner(workspace, runner)
        shutil.copytree(ATTEMPTS, workspace.path / "isolation", dirs_exist_ok=True)
        flags = [*test_outcomes.SandboxedOutcomes.strategy, f"--test_env=PATH={PATH}"]
        cls.results = workspace.test(*EXPECTED, flags=flags)
        cls.logs = {label: cls.results.last(label).files["test.log"].read_text() for label in cls.results.attempts}
        cls.suites = {label: cls.results.last(label).suites() for label in cls.results.attempts}
        cls.cases = {label: cls.results.cases(label) for label in cls.results.attempts}

    def setUp(self):
        self.maxDiff = None

    def test_all_ran(self):
        self.assertEqual(SOME_FAILED, self.results.exit_code, self.results.output)
        manifests = {_target(manifest.name) for manifest in ATTEMPTS.glob("test_*.yml")}
        self.assertEqual(manifests, set(EXPECTED))
        self.assertEqual(manifests, set(self.results.summaries), self.results.output)
        strategies = {self.results.last(label).strategy for label in manifests}
        self.assertEqual({"linux-sandbox"}, strategies, "they ran outside of Bazel's sandbox")

    def test_rung(self):
        """All isolation is had, for every case, and the reports say so."""
        for label, suites in self.suites.items():
            for suite in suites:
                properties = {item.get("name"): item.get("value") for item in suite.findall("./properties/property")}
                facets = {name: value for name, value in properties.items() if name.startswith("isolation.")}
                with self.subTest(label, suite=suite.get("name")):
                    self.assertEqual("full", properties["isolation"], properties)
                    self.assertEqual("pid namespace", facets.pop("isolation.orphans"))
                    self.assertIn("isolation.network", facets)
                    self.assertEqual({"ok"}, set(facets.values()), facets)


def _target_test(label):
    def test(self):
        status, cases = EXPECTED[label]
        self.assertIn(label, self.results.summaries, self.results.output)
        self.assertEqual(cases, self.cases[label], self.logs[label])
        self.assertEqual(status, self.results.summaries[label], self.logs[label])

    return test


for _label in EXPECTED:
    setattr(NestedIsolation, "test_" + _label.partition(":")[2].removesuffix("_test"), _target_test(_label))
