/**
  A check that runs usecases: each case starts the app afresh, talks HTTP to it and judges the responses.

  # Type

  ```
  mkUsecaseTest :: { name, runner, system?, app, srcs | cases, … } -> derivation
  ```

  # Arguments

  * `app`: How the app is started: its arguments, or the mapping that a manifest takes (`argv`, `env`, `ready`, `stop`, …). foresee's
    own values are written with a backslash, so that Nix leaves them alone: `"\${port}"`.
  * `srcs`: The files of the usecases, `[ ./test_pages.yml ]`. One that refers to files beside it needs its directory in the store, too:
    `[ "${./tests}/test_pages.yml" ]`.
  * `cases`: Usecases written in Nix, `{ test_NAME = [ { path = "/"; assert_status = 200; } ]; }`; beside `srcs` or alone.

  # Example

  ```nix
  checks.x86_64-linux.site = foresee.lib.mkUsecaseTest {
    name = "site";
    runner = pkgs.foresee;
    app = [ "${site}/bin/site" "--listen" "127.0.0.1:\${port}" ];
    srcs = [ ./test_pages.yml ];
  };
  ```
*/
args@{
  app ? null,
  srcs ? [ ],
  cases ? null,
  ...
}:
let
  function = "mkUsecaseTest";
  usage = import ./private/usage.nix function;
in
if app == null then
  usage "no `app`: what answers the requests is missing"
else if srcs == [ ] && cases == null then
  usage "neither `srcs` nor `cases` is given: there is nothing to ask the app"
else
  import ./private/test.nix
    {
      inherit function;
      layout = import ./private/manifest.nix;
      content = {
        inherit app;
        include = map (src: "${src}") srcs;
      }
      // import ./private/cases.nix {
        inherit function cases;
        name = args.name or "";
      };
    }
    (
      builtins.removeAttrs args [
        "app"
        "srcs"
        "cases"
      ]
    )
