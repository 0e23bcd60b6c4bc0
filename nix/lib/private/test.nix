# A check of the given tests. Its arguments are those of ./check.nix and, when the tests are a manifest made here
# (`content` holds its cases, app, …), those of ./manifest.nix.
{
  function,
  content ? null,
  source ? null,
}:
args:
let
  usage = import ./usage.nix function;
  mkCheck = import ./check.nix;
  mkManifest = import ./manifest.nix;

  ofCheck = builtins.functionArgs mkCheck;
  ofManifest = if content == null then { } else builtins.functionArgs mkManifest;
  unknown = builtins.attrNames (
    builtins.removeAttrs args (builtins.attrNames (ofCheck // ofManifest))
  );
  list = names: builtins.concatStringsSep ", " names;
  internal = [
    "content"
    "function"
    "tests"
  ];
in
if unknown != [ ] then
  usage "unknown argument ${list unknown}; besides its own it knows ${
    list (builtins.attrNames (builtins.removeAttrs (ofCheck // ofManifest) internal))
  }"
else if !(args ? name) then
  usage "no `name`"
else
  mkCheck (
    builtins.intersectAttrs ofCheck args
    // {
      inherit function;
      tests =
        if source != null then
          { stored = { inherit source; }; }
        else
          mkManifest (builtins.intersectAttrs ofManifest args // { inherit content; });
    }
  )
