{
  inputs = {
    foresee.url = "github:foresee-test/foresee";
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
  };

  outputs =
    {
      self,
      foresee,
      nixpkgs,
    }:
    let
      system = "x86_64-linux";
      pkgs = nixpkgs.legacyPackages.${system}.extend foresee.overlays.default;
      test = foresee.lib.mkLib { runner = pkgs.foresee; };
    in
    {
      checks.${system} = {
        hello = test.mkPlanTest {
          name = "hello";
          runtimeInputs = [ pkgs.busybox ];
          steps = [
            {
              run = [
                "echo"
                "hello world"
              ];
              assert_stdout = "hello world";
            }
          ];
        };

        site = test.mkUsecaseTest {
          name = "site";
          app = [
            "${pkgs.busybox}/bin/httpd"
            "-f"
            "-p"
            "127.0.0.1:\${port}"
            "-h"
            "${./site}"
          ];
          srcs = [ ./test_pages.yml ];
        };
      };

      # The reports of all checks, also of failed ones.
      packages.${system}.test-report = test.mkReport { checks = self.checks.${system}; };
    };
}
