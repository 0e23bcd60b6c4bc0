/**
  The reports of all checks as one: a `junit.xml` that holds every suite, and each check's report beneath `checks/`. It is built
  whatever the tests' outcome, so it belongs into `packages`, not into `checks`.

  # Type

  ```
  mkReport :: { checks, runner, system?, name? } -> derivation
  ```

  # Arguments

  * `checks`: The checks, `self.checks.x86_64-linux` say. Those without a `report` are passed over: checks of other kinds, and those
    with `cacheFailures = false`, whose report doesn't survive a failure.
  * `name`: Of the derivation. Default: `test-report`.

  # Example

  ```nix
  packages.x86_64-linux.test-report = foresee.lib.mkReport {
    runner = pkgs.foresee;
    checks = self.checks.x86_64-linux;
  };
  ```
*/
{
  checks ? null,
  name ? "test-report",
  runner ? null,
  system ? null,
}:
let
  function = "mkReport";
  usage = import ./private/usage.nix function;
  resolved = import ./private/runner.nix { inherit function runner system; };
  reports = builtins.listToAttrs (
    builtins.concatMap (
      check:
      if checks.${check} ? report then
        [
          {
            name = check;
            value = "${checks.${check}.report}";
          }
        ]
      else
        [ ]
    ) (builtins.attrNames checks)
  );
in
if checks == null then
  usage "no `checks`"
else if reports == { } then
  usage "none of the `checks` has a report"
else
  derivation {
    inherit name;
    inherit (resolved) system;
    builder = resolved.executable;
    args = [
      "nix"
      "merge"
    ];
    __structuredAttrs = true;
    preferLocalBuild = true;
    foresee = { inherit name reports; };
  }
  // {
    meta.description = "The reports of all tests";
  }
