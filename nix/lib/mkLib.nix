/**
  The library with the runner given once, instead of in every call.

  # Type

  ```
  mkLib :: { runner, system? } -> { mkManifestTest, mkPlanTest, mkReport, mkUsecaseTest }
  ```

  # Arguments

  * `runner`: What runs the tests: a package that has `bin/foresee`, a directory that has it, or the path of the static binary.
  * `system`: Where the tests run, `x86_64-linux` say. Default: the system of the runner, when that is a package.

  # Example

  ```nix
  let
    test = foresee.lib.mkLib { runner = pkgs.foresee; };
  in
  {
    checks.x86_64-linux.hello = test.mkPlanTest {
      name = "hello";
      steps = [ { run = [ "${pkgs.hello}/bin/hello" ]; } ];
    };
  }
  ```
*/
given:
let
  withRunner = function: args: function (given // args);
in
{
  mkManifestTest = withRunner (import ./mkManifestTest.nix);
  mkPlanTest = withRunner (import ./mkPlanTest.nix);
  mkReport = withRunner (import ./mkReport.nix);
  mkUsecaseTest = withRunner (import ./mkUsecaseTest.nix);
}
