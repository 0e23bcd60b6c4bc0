/**
  The module for flake-parts: `imports = [ inputs.foresee.flakeModules.default ];`. Each test becomes a check of its name, and
  their reports the package `test-report`.

  # Example

  ```nix
  perSystem = { pkgs, ... }: {
    foresee = {
      runner = pkgs.foresee;
      plans.hello.steps = [ { run = [ "${pkgs.hello}/bin/hello" ]; } ];
      usecases.site = {
        app = [ "${site}/bin/site" ];
        srcs = [ ./test_pages.yml ];
      };
      manifests.all.src = ./tests;
    };
  };
  ```
*/
{ lib, flake-parts-lib, ... }:
let
  inherit (lib) mkOption types;
  foresee = import ./lib;

  tests =
    function:
    mkOption {
      type = types.lazyAttrsOf (types.lazyAttrsOf types.raw);
      default = { };
      description = "Checks by name, each with the arguments of `${function}` but for `name` and `runner`.";
    };
in
{
  options.perSystem = flake-parts-lib.mkPerSystemOption (
    { config, system, ... }:
    let
      cfg = config.foresee;
      library = foresee.mkLib {
        inherit (cfg) runner;
        inherit system;
      };
      each = function: lib.mapAttrs (name: args: function ({ inherit name; } // args));
      checks =
        each library.mkPlanTest cfg.plans
        // each library.mkUsecaseTest cfg.usecases
        // each library.mkManifestTest cfg.manifests;
    in
    {
      options.foresee = {
        runner = mkOption {
          type = types.either types.package types.path;
          description = "What runs the tests: a package that has `bin/foresee`, or the static binary.";
        };
        plans = tests "mkPlanTest";
        usecases = tests "mkUsecaseTest";
        manifests = tests "mkManifestTest";
        report = mkOption {
          type = types.bool;
          default = true;
          description = "Whether the package `test-report` holds the reports of all tests.";
        };
      };

      config = {
        inherit checks;
        packages = lib.mkIf (cfg.report && checks != { }) {
          test-report = library.mkReport { inherit checks; };
        };
      };
    }
  );
}
