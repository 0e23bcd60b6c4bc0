{
  description = "Hermetic integration tests in which nothing unforeseen may happen";

  # None, so that a lock file that uses foresee gains one entry.
  inputs = { };

  outputs = _: {
    lib = import ./nix/lib;
    overlays.default = import ./nix/overlay.nix;
    flakeModules.default = ./nix/flake-module.nix;
    templates = import ./nix/templates;
  };
}
