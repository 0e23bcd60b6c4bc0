"""The isolation suite, `testdata/isolation/full`, in full isolation inside of Nix's build sandbox."""

import re
import shutil

import programs
import pytest
from junitparser import JUnitXml, Skipped

from conftest import REPOSITORY, SYSTEM, WORK, Nix, in_scope

SUITE = WORK / "isolation"
EXPECTED = (REPOSITORY / "testdata/isolation/full/expected.txt").read_text()

# What Nix's sandbox doesn't have, and what these cases try to get at. They find that there is no such thing, where the
# suite expects that it is there and refused.
ABSENT = {
    "test_files.yml :: testReplaceAProgram": "/usr/bin/env",
    "test_files.yml :: testRemoveAProgram": "/usr/bin/env",
    "test_files.yml :: testWriteToTheHomeOfRoot": "/root",
    "test_files.yml :: testLookIntoHomes": "/home",
    "test_files.yml :: testLookIntoRun": "/run",
    "test_files.yml :: testPrivateTmpIsWritable": "/var/tmp",
    "test_kernel.yml :: testUncoverWhatIsHidden": "/home",
    "test_kernel.yml :: testUncoverWhatIsHiddenInANamespace": "/home",
}


@pytest.fixture(scope="session")
def suite(staged):
    """The suite, Python for it, and what a furnished sandbox has besides: the path within and the path of what is there."""
    shutil.copytree(REPOSITORY / "testdata/isolation/full", SUITE)
    programs.python(WORK / "python")
    furniture = {path: WORK / "furniture" / path.lstrip("/") for path in sorted(set(ABSENT.values()))}
    for path, real in furniture.items():
        if path == "/usr/bin/env":
            real.parent.mkdir(parents=True)
            real.write_text("a program")
            continue
        real.mkdir(parents=True)
        # Everyone may write there, but for the sandbox of the case.
        real.chmod(0o777)
        (real / "private").write_text("of the machine")
    return furniture


@pytest.fixture(scope="session", params=["bare", "furnished"])
def report(request, nix: Nix, suite):
    """The report of the suite, and whether the sandbox was as bare as Nix makes it."""
    bare = request.param == "bare"
    paths = "" if bare else " ".join(f"{path}={real}" for path, real in suite.items())
    expression = in_scope(
        "let python = import %s/foresee/nix/tests/python.nix"
        ' { system = "%s"; parts = "${%s/python}"; inherit busybox; };'
        ' in (test.mkManifestTest { name = "isolation"; src = %s; isolation = "full"; jobs = 4; nonce = "%s";'
        " runtimeInputs = [ python busybox ]; }).report" % (WORK, SYSTEM, WORK, SUITE, request.param)
    )
    build = ["nix", "build", "--impure", "--no-link", "--json", "--option", "sandbox-paths", paths]
    built = nix.run(*build, "--expr", expression).stdout
    return nix.real(re.search(r'"out":"([^"]+)"', built)[1]), bare


def outcome(case) -> str:
    """As expected.txt tells it."""
    if not case.result:
        return "passed"
    (result,) = case.result
    return "skipped" if isinstance(result, Skipped) else f"{type(result).__name__.lower()} {result.type}"


def test_what_is_to_be_refused_is_refused(report):
    directory, bare = report
    expected = {
        case: outcome for outcome, case in re.findall(r"^(passed|skipped|(?:failure|error) \S+)  (\S.*)$", EXPECTED, re.MULTILINE)
    }
    obtained = {}
    for suite in JUnitXml.fromfile(str(directory / "junit.xml")):
        for case in suite:
            obtained[f"{suite.name} :: {case.name}"] = outcome(case)
            if bare and suite.name in ABSENT and case.name.startswith("run python3: assert_stdout"):
                expected[f"{suite.name} :: {case.name}"] = "failure assertion"
                log = directory / "failed" / case.classname / "python3.stdout.txt"
                assert log.read_text() == "refused: ENOENT\n"
    assert len(expected) > 200
    assert obtained == expected


def test_full_isolation_is_obtained_and_told(report):
    directory, _ = report
    for suite in JUnitXml.fromfile(str(directory / "junit.xml")):
        properties = {each.name: each.value for each in suite.properties()}
        assert properties.pop("nix-sandbox") == "on"
        assert properties.pop("isolation") == "full"
        assert properties.pop("isolation.orphans") == "pid namespace"
        assert set(properties.values()) == {"ok"}, properties


def test_nothing_was_written_outside(report, suite):
    found = sorted(str(path.relative_to(WORK / "furniture")) for path in (WORK / "furniture").rglob("*") if path.is_file())
    assert found == ["home/private", "root/private", "run/private", "usr/bin/env", "var/tmp/private"]
    assert (WORK / "furniture/usr/bin/env").read_text() == "a program"
