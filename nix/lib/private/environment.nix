# The environment of the tests: PATH leads to the programs of the given packages. The build sandbox has none.
{ env, runtimeInputs }:
(
  if runtimeInputs == [ ] then
    { }
  else
    { PATH = builtins.concatStringsSep ":" (map (package: "${package}/bin") runtimeInputs); }
)
// env
