/**
  A prebuilt static binary, fetched by Nix itself: no nixpkgs, no compiler. Give the result as `runner`.

  # Type

  ```
  fetchRunner :: { url, hash, system } -> derivation
  ```

  # Arguments

  * `url`: Of the executable itself, not of an archive. For an archive, use
    `runner = builtins.fetchTarball { url = …; sha256 = …; };`: its `bin/foresee` is found.
  * `hash`: `sha256-…` of the executable as Nix hashes it, recursively, since it is executable. Leave it empty once: Nix's error tells it.
  * `system`: The system that the binary is for.

  # Example

  ```nix
  runner = foresee.lib.fetchRunner {
    url = "https://example.org/foresee-0.1.0-x86_64-linux";
    hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    system = "x86_64-linux";
  };
  ```
*/
{
  url,
  hash,
  system,
}:
let
  fetched = derivation {
    name = "foresee";
    builder = "builtin:fetchurl";
    system = "builtin";
    inherit url;
    urls = [ url ];
    executable = true;
    unpack = false;
    outputHash = hash;
    outputHashAlgo = "sha256";
    outputHashMode = "recursive";
    preferLocalBuild = true;
  };
in
fetched
// {
  inherit system;
  executable = "${fetched}";
}
