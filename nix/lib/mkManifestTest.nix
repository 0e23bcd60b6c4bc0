/**
  A check that runs manifests as they are: a file, or a directory with its `test*.yml`.

  # Type

  ```
  mkManifestTest :: { name, runner, system?, src, … } -> derivation
  ```

  # Arguments

  * `src`: The manifest, or the directory that is searched for manifests. Paths in a manifest are relative to it, so a manifest
    that refers to files beside it needs the directory.
  * `runtimeInputs`: Packages whose `bin` makes up the PATH. The build sandbox has no programs but those.
  * `env`: What a manifest's `inherit_env` can name.

  # Example

  ```nix
  checks.x86_64-linux.all = foresee.lib.mkManifestTest {
    name = "all";
    runner = pkgs.foresee;
    src = ./tests;
  };
  ```
*/
args@{
  src ? null,
  ...
}:
let
  function = "mkManifestTest";
in
if src == null then
  import ./private/usage.nix function
    "no `src`: the manifest, or the directory of manifests, is missing"
else
  import ./private/test.nix {
    inherit function;
    layout = import ./private/stored.nix;
    content = "${src}";
  } (builtins.removeAttrs args [ "src" ])
