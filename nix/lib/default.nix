# The library: plain Nix, without nixpkgs. One function a file; the file's name is the function's.
{
  fetchRunner = import ./fetchRunner.nix;
  mkLib = import ./mkLib.nix;
  mkManifestTest = import ./mkManifestTest.nix;
  mkPlanTest = import ./mkPlanTest.nix;
  mkReport = import ./mkReport.nix;
  mkUsecaseTest = import ./mkUsecaseTest.nix;
}
