# Adds `foresee` to nixpkgs. On Linux it is linked statically: a test's derivation then depends on nothing but it.
final: _prev: {
  foresee =
    (if final.stdenv.hostPlatform.isLinux then final.pkgsStatic else final).callPackage ./package.nix
      { };
}
