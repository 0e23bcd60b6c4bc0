{
  description = "One check for each thing that can become of a check; test_checks.py says what";

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
      inherit (pkgs) busybox;

      # A check of one shell script.
      script =
        name: text: args:
        test.mkPlanTest (
          {
            inherit name;
            runtimeInputs = [ busybox ];
            steps = [
              {
                run = [
                  "sh"
                  "-c"
                  text
                ];
              }
            ];
          }
          // args
        );
    in
    {
      checks.${system} = builtins.mapAttrs (name: check: check name) (
        import ./checks.nix { inherit test script busybox; }
      );

      packages.${system}.test-report = test.mkReport { checks = self.checks.${system}; };
    };
}
