/**
  A check that runs plans: processes that are spawned, waited for and killed, every exit of which is anticipated.

  # Type

  ```
  mkPlanTest :: { name, runner, system?, steps | cases, … } -> derivation
  ```

  # Arguments

  * `steps`: The steps of one case, as in a manifest: `[ { spawn = [ … ]; } { wait.NAME = 0; } ]`.
  * `cases`: Or several cases, `{ test_NAME = steps; }`, which run in the order of their names. One of the two is required.

  # Example

  ```nix
  checks.x86_64-linux.hello = foresee.lib.mkPlanTest {
    name = "hello";
    runner = pkgs.foresee;
    runtimeInputs = [ pkgs.hello ];
    steps = [
      {
        run = [ "hello" ];
        assert_stdout = "Hello, world!";
      }
    ];
  };
  ```
*/
args@{
  steps ? null,
  cases ? null,
  ...
}:
let
  function = "mkPlanTest";
  usage = import ./private/usage.nix function;
in
if steps == null && cases == null then
  usage "neither `steps` nor `cases` is given: there is nothing to run"
else
  import ./private/test.nix
    {
      inherit function;
      layout = import ./private/manifest.nix;
      content = import ./private/cases.nix {
        inherit function steps cases;
        name = args.name or "";
      };
    }
    (
      builtins.removeAttrs args [
        "steps"
        "cases"
      ]
    )
