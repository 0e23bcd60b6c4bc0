# A nixpkgs that has just what foresee's Nix files ask of it: the fixed point, callPackage, a few functions of `lib`, a
# `rustPlatform` that "builds" the binary under test, and busybox. Whatever else they come to use fails here.
{ system }:
let
  package = name: path: {
    type = "derivation";
    inherit name system;
    outPath = "${path}";
  };

  lib = {
    importTOML = file: builtins.fromTOML (builtins.readFile file);
    fileset = {
      unions =
        files:
        assert builtins.all builtins.pathExists files;
        files;
      toSource =
        { root, fileset }:
        {
          outPath = "${toString root}";
          inherit fileset;
        };
    };
    licenses = {
      asl20 = "Apache-2.0";
      mit = "MIT";
    };
    platforms.linux = [
      "x86_64-linux"
      "aarch64-linux"
    ];
  };

  # The arguments that nixpkgs' function knows and foresee uses; another name is a mistake.
  buildRustPackage =
    args@{
      pname,
      version,
      src,
      cargoLock,
      buildAndTestSubdir,
      buildType,
      doCheck,
      doInstallCheck,
      installCheckPhase,
      meta,
    }:
    assert builtins.pathExists cargoLock.lockFile;
    package "${pname}-${version}" ./foresee
    // {
      inherit pname version meta;
      arguments = args;
    };

  extend =
    overlay:
    let
      final = base // overlay final base;
      callPackage =
        file: extra:
        let
          function = import file;
        in
        function (builtins.intersectAttrs (builtins.functionArgs function) final // extra);
      base = {
        inherit lib extend callPackage;
        inherit system;
        rustPlatform = { inherit buildRustPackage; };
        stdenv.hostPlatform.isLinux = true;
        pkgsStatic = { inherit callPackage; };
        busybox = package "busybox" ./busybox;
      };
    in
    final;
in
extend (_: _: { })
