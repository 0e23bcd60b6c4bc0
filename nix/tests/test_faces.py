"""What the repository offers to Nix besides the library: flake outputs, overlay, package, default.nix, flake-parts module."""

import os
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from conftest import SYSTEM, TIMEOUT, WORK, in_scope

STAND_IN = f'(import {WORK}/nixpkgs {{ system = "{SYSTEM}"; }})'


def test_the_flake_has_its_outputs_and_no_inputs(evaluator):
    assert evaluator.evaluate(
        f"let flake = import {WORK}/foresee/flake.nix; outputs = flake.outputs {{ }}; in"
        " { inherit (flake) inputs; outputs = builtins.attrNames outputs; lib = builtins.attrNames outputs.lib;"
        " templates = builtins.attrNames outputs.templates; }"
    ) == {
        "inputs": {},
        "outputs": ["flakeModules", "lib", "overlays", "templates"],
        "lib": ["fetchRunner", "mkLib", "mkManifestTest", "mkPlanTest", "mkReport", "mkUsecaseTest"],
        "templates": ["default", "plan", "usecase"],
    }


def test_the_flake_checks(nix):
    nix.run("nix", "flake", "check", "--no-write-lock-file", f"path:{WORK}/foresee")


def test_the_overlay_adds_the_package(evaluator):
    got = evaluator.evaluate(
        f"let package = ({STAND_IN}.extend (import {WORK}/foresee/nix/overlay.nix)).foresee; in"
        " { inherit (package) pname version; inherit (package.arguments) buildType; inherit (package.meta) mainProgram license;"
        " source = map baseNameOf package.arguments.src.fileset; lock = baseNameOf package.arguments.cargoLock.lockFile; }"
    )
    assert got == {
        "pname": "foresee",
        "version": "0.1.0",
        "buildType": "dist",
        "mainProgram": "foresee",
        "license": ["Apache-2.0", "MIT"],
        "source": ["Cargo.lock", "Cargo.toml", "cli", "rules"],
        "lock": "Cargo.lock",
    }


def test_without_flakes_the_package_is_the_runner(evaluator):
    assert evaluator.evaluate(
        f"let foresee = import {WORK}/foresee {{ pkgs = {STAND_IN}; }}; in"
        ' { inherit (foresee.mkPlanTest { name = "x"; steps = [ ]; }) name system; inherit (foresee.foresee) pname; }'
    ) == {"name": "x", "system": SYSTEM, "pname": "foresee"}


def test_without_flakes_and_nixpkgs_a_binary_is_the_runner(evaluator):
    assert evaluator.evaluate(
        f"let foresee = import {WORK}/foresee {{ runner = {WORK}/nixpkgs/foresee/bin/foresee; system = \"{SYSTEM}\"; }}; in"
        ' (foresee.mkPlanTest { name = "x"; steps = [ ]; }).name'
    ) == "x"


def test_a_prebuilt_archive_is_a_runner(evaluator):
    archive = evaluator.home / "foresee-0.1.0.tar.gz"
    evaluator.run("tar", "-czf", archive, "-C", WORK / "nixpkgs", "foresee")
    name = evaluator.evaluate(
        f"let runner = builtins.fetchTarball \"file://{archive}\"; in"
        f' (lib.mkPlanTest {{ name = "x"; steps = [ ]; inherit runner; system = "{SYSTEM}"; }}).name'
    )
    assert name == "x"


def test_a_prebuilt_binary_is_fetched_by_its_hash(nix):
    """The hash is that of the file as `nix hash path` tells it, so that a user can check it by hand."""
    directory = WORK / "nixpkgs/foresee/bin"
    digest = nix.run("nix", "hash", "path", directory / "foresee").stdout.strip()
    handler = partial(SimpleHTTPRequestHandler, directory=directory)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/foresee"
        runner = f'(lib.fetchRunner {{ url = "{url}"; hash = "{digest}"; system = "{SYSTEM}"; }})'
        nix.run("nix", "build", "--impure", "--no-link", "--expr", in_scope(runner))
        server.shutdown()
    fetched = nix.real(nix.evaluate(f"{runner}.outPath"))
    assert fetched.read_bytes() == (directory / "foresee").read_bytes()
    assert fetched.stat().st_mode & 0o111
    assert nix.evaluate(f'(lib.mkPlanTest {{ name = "x"; steps = [ ]; runner = {runner}; }}).system') == SYSTEM


def test_the_module_of_flake_parts_makes_checks_and_the_report(evaluator):
    """Evaluated with the few functions of nixpkgs' module system that it calls."""
    got = evaluator.evaluate(
        f"""
        let
          stand-in = {{
            lib = {{
              inherit (builtins) mapAttrs;
              mkOption = option: option;
              mkIf = condition: value: if condition then value else {{ }};
              types = {{ lazyAttrsOf = of: {{ inherit of; }}; either = a: b: [ a b ]; raw = "raw"; package = "package"; path = "path"; bool = "bool"; }};
            }};
            flake-parts-lib.mkPerSystemOption = module: module;
          }};
          module = import {WORK}/foresee/nix/flake-module.nix stand-in;
          perSystem = module.options.perSystem {{ system = "{SYSTEM}"; inherit config; }};
          defaults = builtins.mapAttrs (_: option: option.default or null) perSystem.options.foresee;
          config.foresee = defaults // {{
            runner = {WORK}/nixpkgs/foresee;
            plans.hello.steps = [ {{ run = [ "echo" ]; }} ];
            usecases.site = {{ app = [ "httpd" ]; cases.test_index = {{ path = "/"; assert_status = 200; }}; }};
            manifests.all.src = {WORK}/foresee/nix/templates/usecase/test_pages.yml;
          }};
        in
        {{
          checks = builtins.mapAttrs (_: check: check.drvPath) perSystem.config.checks;
          packages = builtins.attrNames perSystem.config.packages;
          options = builtins.attrNames perSystem.options.foresee;
        }}
        """
    )
    assert sorted(got["checks"]) == ["all", "hello", "site"]
    assert got["packages"] == ["test-report"]
    assert got["options"] == ["manifests", "plans", "report", "runner", "usecases"]


@pytest.mark.parametrize("mode", ["report", "gate", "manifest", "interactive", "merge"])
def test_outside_of_nix_its_commands_say_what_they_are_for(mode, tmp_path):
    environment = {"PATH": os.environ["PATH"], "NIX_BUILD_TOP": str(tmp_path)}
    done = subprocess.run(
        [os.environ["FORESEE"], "nix", mode], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT
    )
    assert done.returncode == 2
    assert "to run tests, use `foresee run`" in done.stderr
