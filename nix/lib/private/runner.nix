# The executable that a `runner` argument means, and the system it is for.
{
  function,
  runner,
  system,
}:
let
  usage = import ./usage.nix function;
  isPackage = builtins.isAttrs runner && runner ? outPath;
  asText = toString runner;
  # A string that comes out of a build can't be looked at while evaluating: it is taken for what its name says.
  isBuilt =
    builtins.isString runner
    && builtins.any (source: source ? outputs) (builtins.attrValues (builtins.getContext runner));
  isDirectory = !isBuilt && builtins.pathExists (asText + "/bin/foresee");
in
{
  executable =
    if runner == null then
      usage "no `runner`: what runs the test is missing"
    else if isPackage then
      runner.executable or "${runner}/bin/foresee"
    else if !(builtins.isPath runner || builtins.isString runner) then
      usage "`runner` must be a package that has bin/foresee, a directory that has it, or the static binary; it is a ${builtins.typeOf runner}"
    else if isDirectory then
      "${runner}/bin/foresee"
    else
      "${runner}";

  system =
    if system != null then
      system
    else if isPackage && runner ? system then
      runner.system
    else
      usage "no `system`, and `runner` is no package that tells it: add system = \"x86_64-linux\"";
}
