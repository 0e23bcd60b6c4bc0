"""What Bazel's test runner asks of a test, and gives it."""

import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
import unittest
import zipfile
from pathlib import Path

from expected import SOME_FAILED, TARGETS
from settings import SETTINGS

# The argument of the process that //:slow_test waits for, like no other's on this machine.
SLOW = ["sleep", "612.5"]


def _slow_processes():
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if [word.decode() for word in words[:2]] == SLOW:
                found.append(int(entry.name))
    return found


def _until(condition, what, limit=60):
    """Waits for a condition, that something else brings about."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {limit} s")
        time.sleep(0.05)


class RunnerContract(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workspace = SETTINGS.suite()

    def setUp(self):
        self.maxDiff = None

    def passed(self, results):
        self.assertEqual(0, results.exit_code, results.output)

    def test_detailed_summary(self):
        """Bazel's own reader finds every case in the report. What it read shows on its console only."""
        results = self.workspace.test(
            "//:cases_test", "//:assertion_test", "//:command_test", flags=["--test_summary=detailed", "--nocache_test_results"]
        )
        rows = {line.strip().rsplit(" (", 1)[0] for line in results.output.splitlines()}
        for row in (
            "PASSED  cases_test.test_both.waitPar second: status",
            "FAILED  assertion_test.test_assertion.run echo: assert_stdout",
            "PASSED  assertion_test.test_assertion.run echo: assert_stdout_contains",
            "ERROR   command_test.test_command.lifecycle",
        ):
            self.assertIn(" ".join(row.split()), {" ".join(found.split()) for found in rows}, results.output)
        self.assertNotIn("did not have test case information", results.output)

    def test_timeout(self):
        """The run's deadline comes before Bazel's: the report is whole, and tells what was running."""
        results = self.workspace.test("//:slow_test", flags=["--test_timeout=5"])
        self.assertEqual(SOME_FAILED, results.exit_code, results.output)
        cases = results.cases("//:slow_test")
        self.assertEqual("passed", cases["slow_test :: test_quick / run true: status"])
        slow = {key: verdict for key, verdict in cases.items() if "test_slow" in key}
        self.assertTrue(any("timeout" in verdict or "interrupted" in verdict for verdict in slow.values()), slow)
        self.assertEqual([], _slow_processes())

    def test_interrupted(self):
        """Ctrl-C: the report is written, nothing is left running."""
        # Not sandboxed: what an interrupted test wrote within Bazel's sandbox goes with it.
        process = self.workspace.popen(
            "test", "--", "//:slow_test", flags=[*self.workspace.test_flags(), "--strategy=TestRunner=local"]
        )
        _until(_slow_processes, "the slow process runs")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        self.assertEqual(8, process.returncode, output)
        _until(lambda: not _slow_processes(), "the slow process is gone")
        report = self.workspace.path / "bazel-testlogs" / "slow_test" / "test.xml"
        _until(report.exists, "the report is written")
        text = report.read_text()
        self.assertIn("interrupted", text)
        self.assertIn("slow_test.test_slow", text)
        self.assertIn("slow_test.test_quick", text)

    def test_shards(self):
        results = self.workspace.test("//:sharded_test", "//:empty_shards_test")
        self.passed(results)
        for label, shards, cases in (("//:sharded_test", 3, 5), ("//:empty_shards_test", 4, 2)):
            attempts = results.attempts[label]
            self.assertEqual(list(range(1, shards + 1)), sorted(attempt.shard for attempt in attempts))
            self.assertEqual(cases, sum(len(attempt.suites()) for attempt in attempts))
        self.assertEqual(2, sum(not attempt.suites() for attempt in results.attempts["//:empty_shards_test"]))

    def test_filter(self):
        results = self.workspace.test("//:several_fail_test", flags=["--test_filter=test_a"])
        self.passed(results)
        self.assertEqual(
            {"several_fail_test :: test_a"}, {suite.get("name") for suite in results.last("//:several_fail_test").suites()}
        )

    def test_filter_without_match(self):
        results = self.workspace.test("//:several_fail_test", flags=["--test_filter=no_such_case"])
        self.passed(results)
        self.assertEqual({}, results.cases("//:several_fail_test"))

    def test_fail_fast(self):
        results = self.workspace.test("//:several_fail_test", flags=["--test_runner_fail_fast"])
        self.assertEqual(SOME_FAILED, results.exit_code, results.output)
        verdicts = list(results.cases("//:several_fail_test").values())
        self.assertEqual(1, sum("failure" in verdict for verdict in verdicts), verdicts)

    def test_runs_per_test(self):
        results = self.workspace.test("//:echo_test", flags=["--runs_per_test=3"])
        self.passed(results)
        attempts = results.attempts["//:echo_test"]
        self.assertEqual([TARGETS["//:echo_test"][1]] * 3, [attempt.cases() for attempt in attempts])

    def test_flaky_attempts(self):
        """Each attempt has a whole report of its own, with the same test cases."""
        results = self.workspace.test("//:status_test", flags=["--flaky_test_attempts=2"])
        self.assertEqual(SOME_FAILED, results.exit_code, results.output)
        attempts = results.attempts["//:status_test"]
        self.assertEqual([1, 2], sorted(attempt.attempt for attempt in attempts))
        self.assertEqual([TARGETS["//:status_test"][1]] * 2, [attempt.cases() for attempt in attempts])

    def test_undeclared_outputs(self):
        """Logs are kept for what failed, and in few files; nothing for what passed."""
        results = self.workspace.test("//:echo_test", "//:assertion_test")
        self.assertNotIn("test.outputs__outputs.zip", results.last("//:echo_test").files)
        archive = results.last("//:assertion_test").files["test.outputs__outputs.zip"]
        with zipfile.ZipFile(archive) as outputs:
            names = [name for name in outputs.namelist() if not name.endswith("/")]
            kept = [name for name in names if name.endswith("echo.stdout.txt")]
            self.assertEqual(1, len(kept), names)
            self.assertEqual(b"yes\n", outputs.read(kept[0]))
        self.assertIn("results.json", names)
        log = results.last("//:assertion_test").files["test.log"].read_text()
        self.assertIn("bazel-testlogs/assertion_test/test.outputs/" + kept[0], log)
        self.assertLessEqual(len(names), 12, names)

    def test_hints(self):
        """What a failure says can be done: the sandbox that it ran in is gone."""
        log = self.workspace.test("//:several_fail_test").last("//:several_fail_test").files["test.log"].read_text()
        command = re.search(r"run just this case: bazel test (.*)", log)
        self.assertIsNotNone(command, log)
        target, choice = shlex.split(command[1])
        results = self.workspace.test(target, flags=[choice])
        self.assertEqual(
            ["several_fail_test :: test_b"], [suite.get("name") for suite in results.last(target).suites()], command[1]
        )
        self.assertNotIn(str(self.workspace.scratch), log)

    def test_run_under(self):
        self.passed(self.workspace.test("//:data_test", flags=["--run_under=/usr/bin/env UNDER=1"]))

    def test_test_arg(self):
        results = self.workspace.test("//:status_test", flags=["--test_arg=--filter=test_after"])
        self.passed(results)
        self.assertEqual(["status_test :: test_after"], [suite.get("name") for suite in results.last("//:status_test").suites()])

    def test_sandbox_dir(self):
        """Cases have their directories in TEST_TMPDIR."""
        results = self.workspace.test("//:directory_test", flags=["--test_tmpdir=" + str(self.workspace.scratch / "tmp")])
        self.passed(results)

    def test_run(self):
        exit_code, output = self.workspace.call("run", "//:data_test")
        self.assertEqual(0, exit_code, output)
        exit_code, output = self.workspace.call("run", "//:status_test")
        self.assertEqual(1, exit_code, output)

    def test_coverage(self):
        """Counts reach Bazel. The sandbox would not let a process write them into Bazel's directory."""
        self.workspace.events().unlink(missing_ok=True)
        exit_code, output = self.workspace.call(
            "coverage",
            "--",
            "//:covered_test",
            flags=[*self.workspace.test_flags(), "--test_arg=--isolation=none", *(f"--coverage_{kind}_generator=//:merger" for kind in ("output", "report"))],
        )
        results = self.workspace.results(exit_code, output)
        self.passed(results)
        self.assertEqual("SF:covered.sh\nend_of_record\n", results.last("//:covered_test").files["test.lcov"].read_text())


class DirectCalls(unittest.TestCase):
    """bazel-bin/x_test called by hand, and by something that speaks Bazel's protocol."""

    @classmethod
    def setUpClass(cls):
        cls.workspace = SETTINGS.suite()
        exit_code, output = cls.workspace.call("build", "//:data_test", "//:slow_test", "//:status_test")
        assert exit_code == 0, output
        cls.bin = cls.workspace.path / "bazel-bin"

    def start(self, test, **env):
        scratch = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="foresee-e2e-")))
        # As from a terminal: none of the variables of a Bazel that may run this.
        base = {name: value for name, value in os.environ.items() if not name.startswith(("TEST_", "RUNFILES_"))}
        process = subprocess.Popen(
            [self.bin / test],
            cwd=scratch,
            env={**base, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return scratch, process

    def test_no_bazel(self):
        _, process = self.start("data_test")
        output, _ = process.communicate(timeout=60)
        self.assertEqual(0, process.returncode, output)

    def test_premature_exit_file(self):
        scratch = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="foresee-e2e-")))
        marker = scratch / "premature"
        _, process = self.start("data_test", TEST_PREMATURE_EXIT_FILE=str(marker))
        output, _ = process.communicate(timeout=60)
        self.assertEqual((0, False), (process.returncode, marker.exists()), output)

        _, process = self.start("slow_test", TEST_PREMATURE_EXIT_FILE=str(marker))
        _until(_slow_processes, "the slow process runs")
        process.kill()
        process.communicate(timeout=60)
        self.assertTrue(marker.exists())
        _until(lambda: not _slow_processes(), "nothing outlives the runner")

    def test_terminated(self):
        scratch = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="foresee-e2e-")))
        report = scratch / "test.xml"
        _, process = self.start("slow_test", XML_OUTPUT_FILE=str(report), TEST_TARGET="//:slow_test")
        _until(_slow_processes, "the slow process runs")
        process.terminate()
        output, _ = process.communicate(timeout=60)
        self.assertEqual(128 + signal.SIGTERM, process.returncode, output)
        self.assertIn("interrupted", report.read_text())
        self.assertEqual([], _slow_processes())

    def test_infrastructure_failure_file(self):
        scratch = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="foresee-e2e-")))
        told = scratch / "infrastructure"
        _, process = self.start(
            "data_test", TEST_INFRASTRUCTURE_FAILURE_FILE=str(told), TEST_TMPDIR="/proc/no-directory-can-be-made-here"
        )
        output, _ = process.communicate(timeout=60)
        self.assertEqual(3, process.returncode, output)
        self.assertEqual("foresee", told.read_text().splitlines()[0])
