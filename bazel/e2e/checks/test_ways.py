"""The ways to get a runner, as docs/bazel.md tells them."""

import base64
import hashlib
import json
import platform
import re
import shutil
import tarfile
import tempfile
import unittest
from pathlib import Path

from bazel import REPOSITORY, Workspace
from expected import SOME_FAILED
from settings import SETTINGS, use_extension

PLATFORM = f"{platform.machine()}-linux"


def _built_runner(workspace):
    """The runner that the source build of a workspace made."""
    exit_code, output = workspace.call("info", "output_base")
    assert exit_code == 0, output
    external = Path(output.strip().splitlines()[-1]) / "external"
    (found,) = list(external.glob("*foresee_source/foresee"))
    return found


class Tutorial(unittest.TestCase):
    """An empty folder, the files of the tutorial, a passing and then a failing test."""

    def test_tutorial(self):
        page = (REPOSITORY / "docs" / "bazel.md").read_text()
        tutorial = page[page.index("## Tutorial") : page.index("## Files and other values")]
        files = dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```", tutorial, re.MULTILINE | re.DOTALL))
        self.assertEqual({"MODULE.bazel", "BUILD.bazel"}, set(files))

        workspace = Workspace("suite", SETTINGS.program, SETTINGS.flags)
        self.addCleanup(workspace.close)
        shutil.rmtree(workspace.path)
        workspace.path.mkdir()
        for name, text in files.items():
            (workspace.path / name).write_text(text.replace('"path/to/foresee"', json.dumps(str(REPOSITORY))))

        results = workspace.test("//...", flags=["--test_summary=detailed"])
        self.assertEqual(0, results.exit_code, results.output)
        self.assertEqual({"//:echo_test": "PASSED"}, results.summaries)
        if SETTINGS.keep_runner:
            shutil.copy(_built_runner(workspace), SETTINGS.keep_runner)
        told = re.search(r"^\$ bazel test.*?\n(.*?)^```", tutorial, re.MULTILINE | re.DOTALL)[1]
        for line in told.splitlines():
            # Times differ from run to run.
            start = re.split(r" (?:in |\()[\d.]+s", line)[0]
            self.assertIn(" ".join(start.split()), " ".join(results.output.split()))

        build = workspace.path / "BUILD.bazel"
        build.write_text(build.read_text().replace('"assert_stdout": "hello world"', '"assert_stdout": "goodbye"'))
        results = workspace.test("//...", flags=["--test_output=errors"])
        self.assertEqual(SOME_FAILED, results.exit_code, results.output)
        self.assertEqual(
            "failure assertion", results.cases("//:echo_test")["echo_test :: test_echo / wait echo: assert_stdout"]
        )


def _integrity(digest):
    return "sha256-" + base64.b64encode(digest).decode()


def _archive(platform, url, integrity):
    return (
        f'foresee.archive(platform = "{platform}", integrity = "{integrity}", '
        f'strip_prefix = "foresee-0.1", urls = ["{url}"])'
    )


class Sources(unittest.TestCase):
    """Runners that are said in MODULE.bazel."""

    def with_tag(self, tag, command, *arguments):
        """Calls Bazel with another tag of the extension: (exit code, output)."""
        workspace = SETTINGS.suite()
        module = workspace.path / "MODULE.bazel"
        text = module.read_text()
        with workspace.edited(module, text[: text.index("\nforesee = use_extension")]):
            use_extension(workspace, tag)
            return workspace.call(command, *arguments)

    def archive(self):
        """A release's archive: (URL, integrity)."""
        scratch = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="foresee-e2e-")))
        archive = scratch / "foresee.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(SETTINGS.runner, "foresee-0.1/foresee")
        return archive.as_uri(), _integrity(hashlib.sha256(archive.read_bytes()).digest())

    def test_archive(self):
        """A prebuilt archive by URL and integrity."""
        code, output = self.with_tag(_archive(PLATFORM, *self.archive()), "test", "//:echo_test")
        self.assertEqual(0, code, output)

    def test_wrong_archive(self):
        url, _ = self.archive()
        code, output = self.with_tag(_archive(PLATFORM, url, _integrity(bytes(32))), "build", "//:echo_test")
        self.assertEqual(1, code, output)
        self.assertIn("Checksum was", output)

    def test_target_platform(self):
        """The runner is that of the platform the test runs on, not of the one that builds it."""
        archive = self.archive()
        tags = "\n".join(_archive(platform, *archive) for platform in ("aarch64-linux", "x86_64-linux"))
        for cpu in ("aarch64", "x86_64"):
            code, output = self.with_tag(tags, "build", f"--platforms=//:{cpu}", "//:echo_test")
            self.assertEqual(0, code, output)
            runner = (SETTINGS.suite().path / "bazel-bin" / "echo_test").resolve()
            self.assertTrue(runner.parent.name.endswith(f"foresee_{cpu}_linux"), runner)

    def test_missing_local(self):
        exit_code, output = self.with_tag('foresee.local(path = "/no/such/foresee")', "build", "//:echo_test")
        self.assertEqual(1, exit_code, output)
        self.assertIn("foresee: there is no runner at /no/such/foresee", output)

    def test_unknown_platform(self):
        exit_code, output = self.with_tag(
            'foresee.archive(platform = "x86-linux", integrity = "sha256-", urls = ["file:///x"])', "build", "//:echo_test"
        )
        self.assertNotEqual(0, exit_code, output)
        self.assertIn('platform = "x86-linux": write one of aarch64-linux, x86_64-linux', output)
