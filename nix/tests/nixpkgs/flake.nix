{
  description = "What the tests have in the place of nixpkgs: real programs of this machine, and the functions that foresee calls";

  outputs = _: {
    legacyPackages.x86_64-linux = import ./. { system = "x86_64-linux"; };
    legacyPackages.aarch64-linux = import ./. { system = "aarch64-linux"; };
  };
}
