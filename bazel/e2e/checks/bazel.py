"""Calls a real Bazel and reads what came of it from its build events and the reports of the tests, not from its console text."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.parse
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
E2E = REPOSITORY / "bazel" / "e2e"

# How long one call may take, in seconds: the longest builds the runner.
LIMIT = 900


@dataclass
class Attempt:
    """One run of a test, or of one shard of it."""

    status: str
    shard: int
    attempt: int
    cached: bool
    strategy: str
    files: dict[str, Path]

    def suites(self):
        """The test suites of its report."""
        root = xml.parse(self.files["test.xml"]).getroot()
        assert root.tag == "testsuites", root.tag
        return root.findall("testsuite")

    def cases(self):
        """Its test cases: SUITE / NAME to `passed`, `skipped`, `failure TYPE` or `error TYPE`."""
        found = {}
        for suite in self.suites():
            for case in suite.findall("testcase"):
                verdict = "passed"
                for child in case:
                    if child.tag in ("failure", "error"):
                        verdict = f"{child.tag} {child.get('type')}"
                    elif child.tag == "skipped":
                        verdict = "skipped"
                key = f"{suite.get('name')} / {case.get('name')}"
                assert key not in found, f"{key} is reported twice"
                found[key] = verdict
        return found


@dataclass
class Results:
    """What `bazel test` came to."""

    exit_code: int
    output: str
    summaries: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, list[Attempt]] = field(default_factory=dict)

    def last(self, label):
        """The sole or last run of an unsharded test."""
        return max(self.attempts[label], key=lambda attempt: attempt.attempt)

    def cases(self, label):
        """The test cases of a test, of all shards."""
        found = {}
        for attempt in self.attempts[label]:
            for key, verdict in attempt.cases().items():
                assert key not in found, f"{key} ran in two shards"
                found[key] = verdict
        return found


def _label(text):
    return re.sub(r"^@*//", "//", text)


def _read_events(path):
    results = {"summaries": {}, "attempts": {}}
    for line in path.read_text().splitlines():
        event = json.loads(line)
        if "testSummary" in event:
            results["summaries"][_label(event["id"]["testSummary"]["label"])] = event["testSummary"]["overallStatus"]
        if "testResult" in event:
            which, result = event["id"]["testResult"], event["testResult"]
            files = {
                output["name"]: Path(urllib.parse.unquote(urllib.parse.urlparse(output["uri"]).path))
                for output in result.get("testActionOutput", [])
                if "uri" in output
            }
            results["attempts"].setdefault(_label(which["label"]), []).append(
                Attempt(
                    status=result["status"],
                    shard=which.get("shard", 1),
                    attempt=which.get("attempt", 1),
                    cached=result.get("cachedLocally", False),
                    strategy=result.get("executionInfo", {}).get("strategy", ""),
                    files=files,
                )
            )
    return results


class Workspace:
    """A copy of one of bazel/e2e's workspaces, and the Bazel to use in it."""

    def __init__(self, name, program, flags):
        self.program = program
        self.flags = flags
        self.scratch = Path(tempfile.mkdtemp(prefix="foresee-e2e-"))
        self.path = self.scratch / name
        shutil.copytree(E2E / name, self.path)
        shutil.copytree(E2E / "app", self.scratch / "app", dirs_exist_ok=True)
        # Where the copy's ../../.. would lead.
        for file in ("MODULE.bazel", "WORKSPACE"):
            if (self.path / file).exists():
                text = (self.path / file).read_text()
                (self.path / file).write_text(text.replace('"../../.."', json.dumps(str(REPOSITORY))))

    def close(self):
        # No other workspace will ever have this one's path: what Bazel keeps for it would stay for good.
        self.call("clean", "--expunge")
        shutil.rmtree(self.scratch)

    @contextlib.contextmanager
    def edited(self, file, text):
        """A file has another content for a while."""
        before = file.read_text()
        file.write_text(text)
        try:
            yield
        finally:
            file.write_text(before)

    def popen(self, command, *arguments, flags=(), env=None, **options):
        words = [*self.program, command, *(self.flags if command not in ("shutdown", "info") else ()), *flags, *arguments]
        return subprocess.Popen(
            words,
            cwd=self.path,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )

    def call(self, command, *arguments, flags=(), env=None):
        """Calls Bazel: (exit code, output)."""
        process = self.popen(command, *arguments, flags=flags, env=env)
        output, _ = process.communicate(timeout=LIMIT)
        return process.returncode, output

    def events(self):
        return self.scratch / "events.json"

    def results(self, exit_code, output):
        """What the events of the last `test` tell."""
        return Results(exit_code, output, **_read_events(self.events()))

    def test(self, *targets, flags=(), env=None):
        """Calls `bazel test`."""
        self.events().unlink(missing_ok=True)
        exit_code, output = self.call("test", "--", *targets, flags=[*self.test_flags(), *flags], env=env)
        if not self.events().exists():
            raise AssertionError(f"bazel test ended with {exit_code} and no events:\n{output}")
        return self.results(exit_code, output)

    def test_flags(self):
        return [f"--build_event_json_file={self.events()}", "--keep_going", "--color=no", "--curses=no", "--noshow_progress"]


class Checkout(Workspace):
    """This repository itself as a workspace: nothing is written into it."""

    def __init__(self, program, flags):
        self.program = program
        self.scratch = Path(tempfile.mkdtemp(prefix="foresee-e2e-"))
        self.flags = [*flags, f"--symlink_prefix={self.scratch}/"]
        self.path = REPOSITORY

    def close(self):
        self.call("shutdown")
        shutil.rmtree(self.scratch)
