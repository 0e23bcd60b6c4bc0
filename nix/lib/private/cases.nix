# The cases of a call as the keys of a manifest: `steps` is one case, named after the test; `cases` are as they are.
{
  function,
  name,
  steps ? null,
  cases ? null,
}:
let
  usage = import ./usage.nix function;
  isTest = key: builtins.match "[tT][eE][sS][tT].*" key != null;
  # What a derivation's name may have and a case's name may not.
  word = builtins.replaceStrings [ "+" "?" "=" ] [ "_" "_" "_" ] name;
  misnamed = builtins.filter (key: !isTest key) (builtins.attrNames cases);
in
if steps != null && cases != null then
  usage "both `steps` and `cases` are given: put the steps into a case of `cases`"
else if steps != null then
  { ${if isTest word then word else "test_${word}"} = steps; }
else if cases == null then
  { }
else if !builtins.isAttrs cases then
  usage "`cases` must be an attribute set of cases; it is a ${builtins.typeOf cases}"
else if misnamed != [ ] then
  let
    first = builtins.head misnamed;
  in
  usage "the name of a case begins with `test`; call `${first}` `test_${first}`"
else
  cases
