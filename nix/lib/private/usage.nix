# Ends the evaluation with what is wrong in a call and an example of a right one.
function:
let
  examples = {
    mkPlanTest = ''
      foresee.lib.mkPlanTest {
        name = "hello";
        runner = pkgs.foresee;
        steps = [
          { spawn = [ "''${pkgs.hello}/bin/hello" ]; }
          { wait.hello = 0; }
        ];
      }
    '';
    mkUsecaseTest = ''
      foresee.lib.mkUsecaseTest {
        name = "site";
        runner = pkgs.foresee;
        app = [ "''${site}/bin/site" "--port" "\''${port}" ];
        srcs = [ ./test_pages.yml ];
      }
    '';
    mkManifestTest = ''
      foresee.lib.mkManifestTest {
        name = "all";
        runner = pkgs.foresee;
        src = ./tests;
      }
    '';
    mkReport = ''
      foresee.lib.mkReport {
        runner = pkgs.foresee;
        checks = self.checks.x86_64-linux;
      }
    '';
  };
in
problem: throw "foresee: ${function}: ${problem}. For example:\n\n${examples.${function}}"
