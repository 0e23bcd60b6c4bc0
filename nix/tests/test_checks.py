"""A flake with one check for each thing that can become of a check, built by Nix in its sandbox."""

import hashlib
import json
import re
import shutil
import stat

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from conftest import OFFLINE, REPOSITORY, SYSTEM, WORK, Nix, in_scope

FLAKE = WORK / "flake"
# Of which Nix shows as many lines as it likes; the build itself is bounded by these.
BOUNDS = ("--max-silent-time", "5", "--timeout", "60")

# What fails in each check: class name, name and type, as they stand in its report.
FAILURES = {
    "clean": [],
    "daemon": [("daemon.test_daemon", "lifecycle", "orphaned")],
    "dated": [],
    "deadline": [("deadline.test_deadline", "lifecycle", "timeout")],
    "directory": [
        ("test_broken", "load", "manifest"),
        ("more.test_echo.test_fails", "run sh: status", "unexpected-status"),
    ],
    "broken": [("broken", "load", "manifest")],
    "echo": [],
    "file": [],
    "flaky": [],
    "hopeless": [("hopeless.test_hopeless", "run sh: status", "unexpected-status")],
    "inputs": [],
    "isolated": [],
    "many": [(f"many.test_{number}", "run false: status", "unexpected-status") for number in range(100, 140)],
    "missing": [("missing.test_missing", "lifecycle", "command-not-found")],
    "mixed": [
        # In the order of Nix, which sorts the attributes of a set.
        ("mixed.test_output", "run sh: assert_stderr", "assertion"),
        ("mixed.test_output", "run sh: assert_stdout", "assertion"),
        ("mixed.test_status", "run false: status", "unexpected-status"),
    ],
    "noisy": [("noisy.test_noisy", "run sh: status", "unexpected-status")],
    "silent": [],
    "site": [],
    "stable": [("stable.test_status", "run sh: status", "unexpected-status")],
    "zero": [("zero", "load", "manifest")],
    "timeout": [("timeout.test_timeout", "run sleep: status", "timeout")],
    "wrong": [("wrong.test_wrong", "GET /: assert_status", "assertion")],
}


@pytest.fixture(scope="session")
def checked(nix: Nix) -> Nix:
    """Nix, after one `nix flake check` of everything, which fails."""
    if not FLAKE.exists():
        shutil.copytree(REPOSITORY / "nix/tests/flake", FLAKE)
    nix.run("nix", "flake", "check", "--keep-going", *BOUNDS, *OFFLINE, f"path:{FLAKE}", fails=True)
    return nix


@pytest.fixture(scope="session")
def paths(checked) -> dict:
    """Where the check and the report of each name are in the store."""
    names = "builtins.mapAttrs (_: check: { check = check.outPath; report = check.report.outPath or null; })"
    evaluated = checked.run("nix", "eval", "--json", *OFFLINE, f"path:{FLAKE}#checks.{SYSTEM}", "--apply", names).stdout
    return json.loads(evaluated)


@pytest.fixture(scope="session")
def report_of(checked, paths):
    """The directory of a check's report."""
    return lambda check: checked.real(paths[check]["report"])


def attribute(check: str) -> str:
    return f"checks.{SYSTEM}.{check}"


def failures_in(path) -> list:
    return [
        (case.classname, case.name, result.type)
        for suite in JUnitXml.fromfile(str(path))
        for case in suite
        for result in case.result
        if isinstance(result, (Failure, Error))
    ]


@pytest.mark.parametrize("check", FAILURES)
def test_the_report_tells_what_failed(checked, report_of, check):
    report = report_of(check)
    assert failures_in(report / "junit.xml") == FAILURES[check]
    assert (report / "nix-support/failed").exists() == bool(FAILURES[check])
    assert json.loads((report / "results.json").read_text())


@pytest.mark.parametrize("check", FAILURES)
def test_the_check_fails_when_its_report_does(checked, paths, check):
    """The report is there already: only the gate is built."""
    failures = FAILURES[check]
    built = checked.build(FLAKE, attribute(check), options=("--print-build-logs",), fails=bool(failures))
    assert "-report.drv" not in re.sub(r"nix log \S+", "", built.stderr)
    lines = [line.split("> ", 1)[1] for line in built.stderr.splitlines() if line.startswith(f"{check}> ")]
    if failures:
        assert len(lines) <= 25
        assert lines[0].startswith(f"foresee: {check}: {len(failures)} of ")
        for line, (classname, name, kind) in zip(lines[1:20], failures):
            assert line.startswith(f"  {classname} · {name}: {kind}: ")
        assert [line[:19].strip() for line in lines[-4:]] == [
            "report and logs",
            "link to it",
            "all that was said",
            "outside of Nix",
        ]
    else:
        assert (checked.real(paths[check]["check"]) / "junit.xml").exists()


def test_more_failures_than_lines_are_counted(checked):
    built = checked.build(FLAKE, attribute("many"), options=("--print-build-logs",), fails=True)
    assert "many>   … and 21 more\n" in built.stderr


def test_the_commands_that_a_failed_check_names_work(checked):
    built = checked.build(FLAKE, attribute("mixed"), options=("--print-build-logs",), fails=True)
    said = {line[7:26].strip(): line[26:] for line in built.stderr.splitlines() if line.startswith("mixed> ")}
    kept = checked.real(said["report and logs"])
    assert (kept / "junit.xml").exists()
    assert sorted(path.name for path in kept.glob("failed/*/*")) == [
        "false.stderr.txt",
        "false.stdout.txt",
        "sh.stderr.txt",
        "sh.stdout.txt",
    ]
    log = checked.run(*said["all that was said"].split()).stdout
    assert "test_output" in log and "something else" in log
    assert said["link to it"] == f"nix build .#{attribute('mixed')}.report"
    assert said["outside of Nix"] == f"nix run .#{attribute('mixed')}.interactive"


def test_a_report_after_a_failed_check_takes_no_second_run(checked):
    built = checked.build(FLAKE, attribute("mixed.report"), options=("--print-build-logs",))
    assert "mixed-report" not in built.stderr


def test_a_check_is_deterministic(checked):
    checked.build(FLAKE, attribute("echo"), options=("--rebuild",))


def test_stable_reports_are_equal_whatever_built_them(checked, report_of):
    report = report_of("stable")
    digests = {
        str(path.relative_to(report)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(report.rglob("*"))
        if path.is_file()
    }
    first = WORK / "stable.json"
    if not first.exists():
        first.write_text(json.dumps(digests))
    assert digests == json.loads(first.read_text())
    checked.build(FLAKE, attribute("stable.report"), options=("--rebuild",))


def test_the_merged_report_is_the_sum_of_its_parts(checked, report_of):
    checked.build(FLAKE, "test-report")
    merged = checked.path_of(FLAKE, f"packages.{SYSTEM}.test-report")
    assert sorted(path.name for path in (merged / "checks").iterdir()) == sorted([*FAILURES, "none"])
    whole = JUnitXml.fromfile(str(merged / "junit.xml"))
    parts = [JUnitXml.fromfile(str(report_of(check) / "junit.xml")) for check in [*FAILURES, "none"]]
    for count in ("tests", "failures", "errors"):
        assert getattr(whole, count) == sum(getattr(part, count) for part in parts), count
    cases = [case for suite in whole for case in suite]
    attached = re.findall(r"\[\[ATTACHMENT\|(.+?)\]\]", (merged / "junit.xml").read_text())
    assert "checks/mixed/failed/mixed.test_output/sh.stderr.txt" in attached
    assert all((checked.real(merged / "checks" / path.split("/")[1]) / path.split("/", 2)[2]).exists() for path in attached)
    assert len(cases) == whole.tests
    assert sum(isinstance(result, Failure) for case in cases for result in case.result) == whole.failures
    assert sum(isinstance(result, Skipped) for case in cases for result in case.result) == sum(
        suite.skipped for suite in whole
    )
    assert sorted(failures_in(merged / "junit.xml")) == sorted(
        failure for failures in FAILURES.values() for failure in failures
    )


def test_what_is_printed_is_no_message_to_nix(checked):
    """Nix is asked for what it made of the build's log, as data."""
    built = checked.build(
        FLAKE, attribute("noisy"), options=("--log-format", "internal-json", "--print-build-logs"), fails=True
    )
    assert "setPhase" not in built.stderr
    log = checked.run("nix", "log", *OFFLINE, f"path:{FLAKE}#{attribute('noisy.report')}").stdout
    assert "stolen" in log
    assert not re.search(r"^@nix ", log, re.MULTILINE)


def test_a_flaky_case_passes_and_is_told(checked, report_of):
    (suite,) = JUnitXml.fromfile(str(report_of("flaky") / "junit.xml"))
    assert "<flakyFailure" in (report_of("flaky") / "junit.xml").read_text()
    assert suite.failures == 0


def test_isolation_and_sandbox_are_told(checked, report_of):
    (suite,) = JUnitXml.fromfile(str(report_of("isolated") / "junit.xml"))
    properties = {each.name: each.value for each in suite.properties()}
    assert properties["nix-sandbox"] == "on"
    assert properties["isolation"] == "full", properties


def test_a_report_has_the_date_that_it_is_given(report_of):
    (suite,) = JUnitXml.fromfile(str(report_of("dated") / "junit.xml"))
    assert suite.timestamp == "1980-01-01T00:00:00"


def test_a_broken_manifest_fails_with_its_error(checked):
    log = checked.run("nix", "log", *OFFLINE, f"path:{FLAKE}#{attribute('broken.report')}").stdout
    assert "broken.json:" in log
    assert "spwan" in log and "did you mean `spawn`" in log


def test_nothing_to_run_fails(checked, report_of):
    built = checked.build(FLAKE, attribute("none"), options=("--print-build-logs",), fails=True)
    assert "none> foresee: none: there was nothing to run\n" in built.stderr
    assert (report_of("none") / "nix-support/failed").read_text() == "2\n"


def test_a_failure_that_is_not_cached_is_run_again(checked, paths):
    for _ in range(2):
        built = checked.build(FLAKE, attribute("uncached"), options=("--print-build-logs",), fails=True)
        assert "uncached> foresee: the report may be found in /nix/store/" in built.stderr
    left = checked.real(paths["uncached"]["check"])
    assert failures_in(left / "junit.xml") == [("uncached.test_uncached", "run sh: status", "unexpected-status")]


def test_what_is_kept_is_plain_files(checked, report_of):
    for path in report_of("mixed").rglob("*"):
        mode = path.lstat().st_mode
        assert stat.S_ISREG(mode) or stat.S_ISDIR(mode), path
        assert mode & 0o022 == 0, path


def test_hydra_is_told(checked, report_of):
    report = report_of("mixed")
    products = (report / "nix-support/hydra-build-products").read_text().splitlines()
    assert [line.split()[:2] for line in products] == [
        ["file", "junit"],
        ["file", "json"],
        ["file", "json"],
        ["report", "logs"],
    ]
    assert all(checked.real(line.split()[2]).exists() for line in products)
    assert (report / "nix-support/failed").read_text() == "1\n"


def test_the_manifest_can_be_had(checked):
    checked.build(FLAKE, attribute("inputs.manifest"), attribute("directory.manifest"))
    manifest = checked.path_of(FLAKE, attribute("inputs.manifest"))
    assert json.loads((manifest / "inputs.json").read_text())["name"] == "inputs"
    assert (manifest / "data/words.txt").is_symlink()
    assert (checked.path_of(FLAKE, attribute("directory.manifest")) / "more/words.txt").exists()


@pytest.mark.parametrize(("check", "status"), [("echo", 0), ("mixed", 1), ("inputs", 0), ("file", 0), ("directory", 2)])
def test_the_tests_run_outside_of_the_sandbox(checked, check, status):
    checked.build(FLAKE, attribute(f"{check}.interactive"))
    run = ["nix", "run", *OFFLINE, f"path:{FLAKE}#{attribute(check)}.interactive", "--", "--output-dir", f"{check}-out"]
    done = checked.run(*run, fails=status != 0)
    assert done.returncode == status
    assert (checked.home / f"{check}-out/junit.xml").exists()


def test_signals_that_nix_ignores_or_blocks_do_not_reach_the_tests(checked):
    """As systemd's nix-daemon does with SIGPIPE."""
    script = "grep -E '^Sig(Blk|Ign):[[:space:]]*0+$' /proc/self/status"
    expression = (
        'test.mkPlanTest { name = "signals"; runtimeInputs = [ busybox ];'
        f' steps = [ {{ run = [ "sh" "-c" "{script} | wc -l" ]; assert_stdout = "2"; }} ]; }}'
    )
    build = ["nix", "build", "--impure", "--no-link", "--expr", in_scope(expression)]
    checked.run("env", "--ignore-signal=PIPE", "--ignore-signal=HUP", "--block-signal=USR1", *build)
