# For those without flakes: the library for one runner, with the package as `foresee`.
#
#   let foresee = import ./foresee { inherit pkgs; }; in foresee.mkPlanTest { name = "hello"; steps = [ … ]; }
#
# Without nixpkgs, too: import ./foresee { runner = ./foresee-binary; system = "x86_64-linux"; }.
{
  pkgs ? null,
  runner ? null,
  system ? null,
}:
let
  nixpkgs = if pkgs == null then import <nixpkgs> { } else pkgs;
  foresee = if runner == null then (nixpkgs.extend (import ./nix/overlay.nix)).foresee else runner;
in
(import ./nix/lib).mkLib {
  runner = foresee;
  inherit system;
}
// {
  inherit foresee;
}
