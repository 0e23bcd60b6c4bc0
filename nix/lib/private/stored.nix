# Manifests that are files already.
{
  content,
  env ? { },
  runtimeInputs ? [ ],
}:
{
  stored = {
    source = content;
    env = import ./environment.nix { inherit env runtimeInputs; };
  };
}
