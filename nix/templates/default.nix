# What `nix flake init -t` offers. Each is tested as it is.
{
  default = {
    path = ./default;
    description = "A plan and a usecase, with one report of both";
    welcomeText = ''
      Run the tests with `nix flake check -L`; `nix build .#test-report` gives the report of all, whatever their outcome.
    '';
  };
  plan = {
    path = ./plan;
    description = "A plan: processes that are spawned and waited for";
  };
  usecase = {
    path = ./usecase;
    description = "A usecase: HTTP requests to an app that each case starts afresh";
  };
}
