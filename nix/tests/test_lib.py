"""The library as Nix evaluates it: what it makes of its arguments, and what it says to wrong ones."""

import pytest

from conftest import SYSTEM, WORK

HELLO = '{ name = "hello"; steps = [ { run = [ "echo" "hello" ]; } ]; }'


def test_the_check_is_a_derivation_with_its_parts(evaluator):
    got = evaluator.evaluate(
        f"let check = test.mkPlanTest {HELLO}; in"
        " { inherit (check) type name system; parts = map (part: check.${part}.name) [ \"report\" \"manifest\" \"interactive\" ];"
        " program = check.interactive.meta.mainProgram; }"
    )
    assert got == {
        "type": "derivation",
        "name": "hello",
        "system": SYSTEM,
        "parts": ["hello-report", "hello-manifest", "hello-interactive"],
        "program": "hello",
    }


def test_the_closure_has_no_shell(evaluator):
    """The report depends on the runner and on what the test names, on nothing else."""
    drv = evaluator.evaluate(f"(test.mkPlanTest {HELLO}).report.drvPath")
    shown = evaluator.run("nix-store", "--query", "--references", drv).stdout.split()
    assert len(shown) == 1 and shown[0].endswith("-foresee"), shown


def test_what_hangs_on_the_check_does_not_change_it(evaluator):
    same = evaluator.evaluate(
        f"(test.mkPlanTest {HELLO}).drvPath == (test.mkPlanTest ({HELLO} // {{ meta.description = \"another\"; }})).drvPath"
    )
    assert same


def test_a_nonce_is_another_report(evaluator):
    differ = evaluator.evaluate(
        f"(test.mkPlanTest {HELLO}).report.drvPath != (test.mkPlanTest ({HELLO} // {{ nonce = \"2\"; }})).report.drvPath"
    )
    assert differ


def test_without_cached_failures_there_is_one_derivation(evaluator):
    assert evaluator.evaluate(
        f"let check = test.mkPlanTest ({HELLO} // {{ cacheFailures = false; }}); in [ check.name (check ? report) ]"
    ) == ["hello", False]


def test_the_attribute_of_a_name_with_a_dot_is_quoted(evaluator):
    drv = evaluator.evaluate('(test.mkPlanTest { name = "a.b"; steps = [ ]; }).drvPath')
    assert f'checks.{SYSTEM}."a.b"' in evaluator.real(drv).read_text().replace("\\", "")


@pytest.mark.parametrize(
    "runner",
    [
        "{work}/nixpkgs/foresee",
        "{work}/nixpkgs/foresee/bin/foresee",
        '"${{{work}/nixpkgs/foresee}}/bin/foresee"',
        '{{ outPath = "${{{work}/nixpkgs/foresee}}"; system = "{system}"; }}',
    ],
    ids=["directory", "file", "string", "package"],
)
def test_the_runner_is_found(evaluator, runner):
    runner = runner.format(work=WORK, system=SYSTEM)
    drv = evaluator.evaluate(
        f'(lib.mkPlanTest {{ name = "hello"; steps = [ ]; system = "{SYSTEM}"; runner = {runner}; }}).drvPath'
    )
    assert drv.endswith("-hello.drv")


def test_the_package_tells_the_system(evaluator):
    assert (
        evaluator.evaluate(
            '(lib.mkPlanTest { name = "hello"; steps = [ ]; runner = { outPath = "${busybox}"; system = "riscv64-linux"; }; }).system'
        )
        == "riscv64-linux"
    )


def test_a_file_of_the_store_is_an_input_by_its_base_name(evaluator):
    drv = evaluator.evaluate(
        f'(test.mkPlanTest {{ name = "files"; steps = [ ]; inputs = [ {WORK}/foresee/Cargo.toml ]; }}).report.drvPath'
    )
    text = evaluator.real(drv).read_text().replace('\\\\"', '"').replace('\\"', '"')
    assert '"inputs":{"Cargo.toml":"/nix/store/' in text
    assert '"inputs":["Cargo.toml"]' in text


def test_reports_are_those_of_the_checks_that_have_one(evaluator):
    drv = evaluator.evaluate(
        f"(test.mkReport {{ checks = {{ a = test.mkPlanTest {HELLO}; other = {{ }}; }}; }}).drvPath"
    )
    text = evaluator.real(drv).read_text().replace('\\"', '"')
    assert '"reports":{"a":"/nix/store/' in text and '"other"' not in text


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ('test.mkPlanTest { name = "x"; }', "mkPlanTest: neither `steps` nor `cases` is given"),
        ("test.mkPlanTest { steps = [ ]; }", "mkPlanTest: no `name`"),
        ('test.mkPlanTest { name = "x"; steps = [ ]; attempt = 2; }', "mkPlanTest: unknown argument attempt"),
        ('test.mkPlanTest { name = "x"; steps = [ ]; cases = { }; }', "mkPlanTest: both `steps` and `cases`"),
        ('test.mkPlanTest { name = "x"; cases.echo = [ ]; }', "call `echo` `test_echo`"),
        ('test.mkPlanTest { name = "x"; cases = [ ]; }', "`cases` must be an attribute set of cases; it is a list"),
        ('test.mkPlanTest { name = "a b"; steps = [ ]; }', 'it is "a b"'),
        ('lib.mkPlanTest { name = "x"; steps = [ ]; }', "mkPlanTest: no `runner`"),
        ('lib.mkPlanTest { name = "x"; steps = [ ]; runner = busybox; }', 'add system = "x86_64-linux"'),
        ('lib.mkPlanTest { name = "x"; steps = [ ]; runner = 1; system = "x"; }', "it is a int"),
        ('test.mkUsecaseTest { name = "x"; cases = { }; }', "mkUsecaseTest: no `app`"),
        ('test.mkUsecaseTest { name = "x"; app = "httpd"; }', "mkUsecaseTest: neither `srcs` nor `cases`"),
        ('test.mkManifestTest { name = "x"; }', "mkManifestTest: no `src`"),
        ("test.mkReport { }", "mkReport: no `checks`"),
        ("test.mkReport { checks = { }; }", "mkReport: none of the `checks` has a report"),
    ],
)
def test_a_wrong_call_is_answered_with_an_example(evaluator, call, problem):
    error = evaluator.error(f"({call}).drvPath")
    assert problem in error
    assert f"For example:\n\n       foresee.lib.{problem.split(':')[0] if problem.startswith('mk') else 'mk'}" in error
