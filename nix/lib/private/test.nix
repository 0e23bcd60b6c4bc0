# A check of the given tests. Its arguments are those of ./check.nix and those of `layout`, which makes the tests of them
# and of the `content`: ./manifest.nix or ./stored.nix.
{
  function,
  layout,
  content,
}:
args:
let
  usage = import ./usage.nix function;
  mkCheck = import ./check.nix;

  ofCheck = builtins.functionArgs mkCheck;
  ofLayout = builtins.functionArgs layout;
  all = ofCheck // ofLayout;
  unknown = builtins.attrNames (builtins.removeAttrs args (builtins.attrNames all));
  list = builtins.concatStringsSep ", ";
  internal = [
    "content"
    "function"
    "tests"
  ];
in
if unknown != [ ] then
  usage "unknown argument ${list unknown}; besides its own it knows ${list (builtins.attrNames (builtins.removeAttrs all internal))}"
else if !(args ? name) then
  usage "no `name`"
else
  mkCheck (
    builtins.intersectAttrs ofCheck args
    // {
      inherit function;
      tests = layout (builtins.intersectAttrs ofLayout args // { inherit content; });
    }
  )
