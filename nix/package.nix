# The package, as nixpkgs builds Rust programs.
{
  lib,
  rustPlatform,
}:
let
  root = ../.;
  workspace = (lib.importTOML (root + "/Cargo.toml")).workspace.package;
in
rustPlatform.buildRustPackage {
  pname = "foresee";
  inherit (workspace) version;

  src = lib.fileset.toSource {
    inherit root;
    fileset = lib.fileset.unions [
      (root + "/Cargo.lock")
      (root + "/Cargo.toml")
      (root + "/cli")
      (root + "/rules")
    ];
  };
  cargoLock.lockFile = root + "/Cargo.lock";
  buildAndTestSubdir = "cli";
  # What is shipped: small, and without symbols.
  buildType = "dist";

  # The tests run real programs in real sandboxes, which a build can't offer; they are run where foresee is developed.
  doCheck = false;
  doInstallCheck = true;
  installCheckPhase = ''
    "$out/bin/foresee" --version
  '';

  meta = {
    description = "Hermetic integration tests in which nothing unforeseen may happen";
    license = [
      lib.licenses.asl20
      lib.licenses.mit
    ];
    mainProgram = "foresee";
    platforms = lib.platforms.linux;
  };
}
