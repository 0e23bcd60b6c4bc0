/**
  The settings of the manifest, which `mkPlanTest` and `mkUsecaseTest` take. They mean what they mean in a manifest,
  and so do their defaults, see `docs/manifest.md`.

  # Arguments

  * `deadline`, `limits`, `sandbox`, `timeout`, `vars`: As they are in a manifest: `timeout = "5s"`.
  * `env`: The environment of the processes. Nothing is inherited: a build has no environment worth it.
  * `inputs`: Files and directories that are copied into the work directory of each case: a list of paths, of which each gets its base
    name, or `{ "data/words.txt" = ./words.txt; }`. Paths of the manifest's side, such as `body_file`, find them, too.
  * `runtimeInputs`: Packages whose `bin` makes up the PATH of the cases. The build sandbox has no programs but those.
*/
{
  name,
  content,
  deadline ? null,
  env ? { },
  inputs ? { },
  limits ? null,
  runtimeInputs ? [ ],
  sandbox ? null,
  timeout ? null,
  vars ? null,
}:
let
  files =
    if builtins.isList inputs then
      builtins.listToAttrs (
        map (input: {
          name = baseNameOf input;
          value = "${input}";
        }) inputs
      )
    else
      builtins.mapAttrs (_: input: "${input}") inputs;

  # What isn't given is left to the runner's defaults.
  given =
    settings:
    builtins.removeAttrs settings (
      builtins.filter (setting: settings.${setting} == null) (builtins.attrNames settings)
    );
in
{
  written.inputs = files;
  written.manifest =
    given {
      inherit
        deadline
        limits
        name
        sandbox
        timeout
        vars
        ;
      env = import ./environment.nix { inherit env runtimeInputs; };
      inputs = if files == { } then null else builtins.attrNames files;
    }
    // content;
}
