/**
  What every test takes besides.

  # Arguments

  * `name`: Of the derivation and of the tests in the report. Required.
  * `runner`: What runs the tests: a package that has `bin/foresee`, a directory that has it, or the path of the static binary. Required.
  * `system`: Where the tests run, `x86_64-linux` say. Default: the system of the runner, when that is a package.
  * `attempts`: How often a case that fails is tried. One that passes then is *flaky*: passed, with its failures told in the report.
  * `nonce`: Any text. A new one runs the tests again, also when their failure is in the store.
  * `cacheFailures`: `false`: the check is one derivation that fails when the tests do, and so is run again every time. Its report doesn't
    survive the failure, but for what Nix happens to leave on disk. Default: `true`.
  * `isolation`: `full`, `auto` or `none`: what `foresee run --isolation` takes. Default: `auto`.
  * `jobs`: How many cases run at the same time. Default: the cores that Nix gives the build.
  * `stable`: Masks times, ports, pids and the like in the report, so that two builds of it are equal, bit by bit. Default: `false`.
  * `buildTimeout`: What Nix's own `timeout` is set to, in seconds. A tenth before its end the run stops and writes its report, which it
    couldn't when Nix kills it. Default: 3600.
  * `heartbeat`: After how many seconds of silence a line is printed: less than Nix's `max-silent-time`. Default: 30.
  * `attr`: The check's attribute in the flake, for the commands that are printed. Default: `checks.SYSTEM.NAME`.
  * `meta`: Of the check and its report.
  * `derivationArgs`: Further attributes of the report's derivation, `requiredSystemFeatures` say.

  # Result

  The check, a derivation. On it hang `.report` (`junit.xml`, `results.json`, the logs of failures), `.manifest` and `.interactive`, which
  runs the tests outside of the sandbox: `nix run .#checks.SYSTEM.NAME.interactive`.
*/
# The report always succeeds when the runner could do its work, so that it survives failed tests; the check itself is
# a gate that reads it and fails when they did. Both have the runner itself as builder and structured attributes as its
# manifest: no shell, no stdenv. Attributes for people are added outside of `derivation`: inside, they would be serialised.
{
  function,
  # The tests: { written = { manifest, inputs }; } or { stored = { source }; }.
  tests,
  name,
  runner ? null,
  system ? null,
  attempts ? null,
  attr ? null,
  buildTimeout ? 3600,
  cacheFailures ? true,
  derivationArgs ? { },
  heartbeat ? 30,
  isolation ? "auto",
  jobs ? null,
  meta ? { },
  nonce ? "",
  stable ? false,
}:
let
  usage = import ./usage.nix function;
  resolved = import ./runner.nix { inherit function runner system; };

  named =
    if builtins.match "[A-Za-z0-9+_?=-][A-Za-z0-9+._?=-]*" name == null then
      usage "`name` is the name of a derivation, of letters, digits and +-._?= only; it is ${builtins.toJSON name}"
    else
      name;

  word = if builtins.match ".*[.].*" named == null then named else "\"${named}\"";
  path = if attr == null then "checks.${resolved.system}.${word}" else attr;

  flags = [
    "--isolation"
    isolation
  ]
  ++ optionals (attempts != null) [
    "--attempts"
    (toString attempts)
  ]
  ++ optionals (jobs != null) [
    "--jobs"
    (toString jobs)
  ]
  ++ optionals stable [ "--stable" ];
  optionals = condition: list: if condition then list else [ ];

  # A derivation that the runner builds, in the given mode, from the data.
  build =
    mode: suffix: data: extra:
    derivation (
      {
        name = "${named}${suffix}";
        inherit (resolved) system;
        builder = resolved.executable;
        args = [
          "nix"
          mode
        ];
        __structuredAttrs = true;
        foresee = {
          name = named;
        }
        // data;
      }
      // extra
    );

  run =
    suffix: fail:
    build "report" suffix
      {
        inherit
          buildTimeout
          fail
          flags
          heartbeat
          nonce
          tests
          ;
      }
      (
        {
          # Servers of the tests listen on the loopback, which macOS' sandbox forbids by default.
          __darwinAllowLocalNetworking = true;
          # The logs mention store paths; a report shall not keep the tested programs alive (Nix 2.18).
          unsafeDiscardReferences.out = true;
        }
        // derivationArgs
      );

  report = run "-report" false;

  gate =
    if !cacheFailures then
      run "" true
    else
      build "gate" "" {
        attr = path;
        report = "${report}";
        # For the commands that the gate prints; it doesn't need the derivation itself.
        reportDerivation = builtins.unsafeDiscardStringContext report.drvPath;
      } { preferLocalBuild = true; };

  manifest = build "manifest" "-manifest" { inherit tests; } { preferLocalBuild = true; };

  interactive = build "interactive" "-interactive" { inherit tests; } { preferLocalBuild = true; };

  describe = what: {
    meta = {
      description = "${what} of the test ${named}";
    }
    // meta;
  };
in
gate
// {
  meta = {
    description = "The test ${named}, run by foresee";
  }
  // meta;
  manifest = manifest // describe "The manifest";
  interactive = interactive // {
    meta = {
      description = "The test ${named}, to be run outside of the sandbox";
      mainProgram = named;
    };
  };
}
// (if cacheFailures then { report = report // describe "The report"; } else { })
