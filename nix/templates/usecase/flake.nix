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
      checks.${system}.site = foresee.lib.mkUsecaseTest {
        name = "site";
        runner = pkgs.foresee;
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
}
