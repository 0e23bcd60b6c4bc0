{
  inputs = {
    foresee.url = "github:foresee-test/foresee";
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
  };

  outputs =
    { foresee, nixpkgs, ... }:
    let
      system = "x86_64-linux";
      pkgs = nixpkgs.legacyPackages.${system}.extend foresee.overlays.default;
    in
    {
      checks.${system}.hello = foresee.lib.mkPlanTest {
        name = "hello";
        runner = pkgs.foresee;
        runtimeInputs = [ pkgs.busybox ];
        cases = {
          test_echo = [
            {
              run = [
                "echo"
                "hello world"
              ];
              assert_stdout = "hello world";
            }
          ];
          test_kill = [
            {
              spawn = [
                "sleep"
                "60"
              ];
            }
            { kill = "sleep"; }
          ];
        };
      };
    };
}
