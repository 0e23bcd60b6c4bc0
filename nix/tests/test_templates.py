"""The templates, as a user gets them."""

import re
from pathlib import Path

import pytest

from conftest import OFFLINE, REPOSITORY, SYSTEM, WORK, Nix


@pytest.fixture
def project(nix: Nix, request) -> Path:
    """A directory that `nix flake init -t` has filled with the template that the test is called with."""
    template = request.getfixturevalue("template")
    # The user of this Nix has to own it; so Nix makes it.
    directory = nix.home / f"{request.node.originalname}-{template}"
    nix.run("mkdir", directory)
    nix.run("nix", "flake", "init", "-t", f"path:{WORK}/foresee#{template}", cwd=directory)
    return directory


def check(nix: Nix, directory: Path, **options):
    return nix.run("nix", "flake", "check", "--print-build-logs", *OFFLINE, f"path:{directory}", **options)


def change(nix: Nix, file: Path, old: str, new: str):
    assert file.read_text().count(old) == 1
    nix.run("sed", "-i", f"s|{old}|{new}|", file)


@pytest.mark.parametrize("template", ["default", "plan", "usecase"])
def test_a_fresh_template_passes(nix, project, template):
    check(nix, project)


@pytest.mark.parametrize("template", ["plan"])
def test_a_failing_plan_shows_what_the_tutorial_says(nix, project, template):
    change(nix, project / "flake.nix", 'assert_stdout = "hello world"', 'assert_stdout = "goodbye"')
    said = check(nix, project, fails=True).stderr
    shown = [line.removeprefix("hello> ") for line in said.splitlines() if line.startswith("hello> ")]
    tutorial = (REPOSITORY / "docs/nix.md").read_text().split("test_templates.py -->\n```\n")[1].split("\n```")[0]
    assert len(shown) == len(tutorial.splitlines())
    for line, expected in zip(shown, tutorial.splitlines()):
        assert re.fullmatch(re.escape(expected).replace("…", ".+"), line), (line, expected)


@pytest.mark.parametrize("template", ["default"])
def test_the_template_reports_what_failed(nix, project, template):
    change(nix, project / "test_pages.yml", "assert_status: 404", "assert_status: 200")
    check(nix, project, fails=True)
    nix.build(project, "test-report")
    report = nix.path_of(project, f"packages.{SYSTEM}.test-report")
    assert 'name="GET /nowhere: assert_status"' in (report / "junit.xml").read_text()
    assert sorted(path.name for path in (report / "checks").iterdir()) == ["hello", "site"]
