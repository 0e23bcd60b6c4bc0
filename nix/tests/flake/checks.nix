# The checks by name, each a function of its name.
{
  test,
  script,
  busybox,
}:
let
  plan =
    args: name:
    test.mkPlanTest (
      {
        inherit name;
        runtimeInputs = [ busybox ];
      }
      // args
    );
  usecase =
    args: name:
    test.mkUsecaseTest (
      {
        inherit name;
        app = [
          "${busybox}/bin/httpd"
          "-f"
          "-p"
          "127.0.0.1:\${port}"
          "-h"
          "${./site}"
        ];
      }
      // args
    );
  manifest =
    src: name:
    test.mkManifestTest {
      inherit name src;
      runtimeInputs = [ busybox ];
    };
  shell =
    text: args: name:
    script name text args;
in
{
  echo = plan {
    steps = [
      {
        run = [
          "echo"
          "hello world"
        ];
        assert_stdout = "hello world";
      }
    ];
  };

  # Two of its three cases fail, one of them by two constraints.
  mixed = plan {
    cases = {
      test_holds = [ { run = [ "true" ]; } ];
      test_output = [
        {
          run = [
            "sh"
            "-c"
            "echo out; echo err >&2"
          ];
          assert_stdout = "something else";
          assert_stderr = "something else";
        }
      ];
      test_status = [ { run = [ "false" ]; } ];
    };
  };

  # More failures than Nix shows lines.
  many = plan {
    cases = builtins.listToAttrs (
      map (number: {
        name = "test_${toString number}";
        value = [ { run = [ "false" ]; } ];
      }) (builtins.genList (number: 100 + number) 40)
    );
  };

  timeout = plan {
    timeout = "300ms";
    steps = [
      {
        run = [
          "sleep"
          "60"
        ];
      }
    ];
  };

  # The run ends before Nix would end the build.
  deadline = shell "sleep 60" {
    buildTimeout = 3;
    heartbeat = 1;
    timeout = "60s";
  };

  # Nix would end a build that is silent for so long.
  silent = shell "sleep 8" { heartbeat = 1; };

  # What it prints is no message to Nix, and no XML.
  noisy = shell ''
    echo '@nix {"action":"setPhase","phase":"stolen"}'
    printf 'xxxx {"action":"setPhase","phase":"stolen"}\r@nix\n'
    printf '\033[31m\000]]>\377\n'
    exit 3
  '' { };

  # It fails the first time. Without isolation it can remember that.
  flaky =
    shell
      ''
        test -e /build/tried && exit 0
        echo first >/build/tried
        exit 1
      ''
      {
        isolation = "none";
        attempts = 3;
      };

  hopeless = shell "exit 1" { attempts = 2; };

  # What the processes get of the builder's own state.
  clean = shell ''
    set -e
    grep -E '^Sig(Blk|Ign):[[:space:]]*0+$' /proc/self/status | wc -l | grep -qx 2
    test "$(ls /proc/self/fd | tr '\n' ' ')" = "0 1 2 3 "
    test "$(umask)" = 0022
  '' { };

  # Nothing of the outer build is seen.
  isolated = shell ''
    set -e
    test "$(grep -c : /proc/net/dev)" = 1
    test "$(ls -d /proc/[0-9]* | wc -l)" -lt 6
    if touch /nix/store/x; then exit 1; fi
  '' { isolation = "full"; };

  inputs = plan {
    inputs = {
      "data/words.txt" = ./site/index.html;
    };
    steps = [
      {
        run = [
          "cat"
          "data/words.txt"
        ];
        assert_stdout_contains = "Hello";
      }
    ];
  };

  # A process that leaves the group and the session.
  daemon = shell "setsid sh -c 'sleep 60 & ' </dev/null >/dev/null 2>&1" { };

  zero = plan { cases = { }; };

  broken = plan { steps = [ { spwan = [ "echo" ]; } ]; };

  missing = plan { steps = [ { run = [ "no-such-program" ]; } ]; };

  # A directory without a manifest.
  none = manifest ./none;

  directory = manifest ./manifests;

  file = manifest ./manifests/test_echo.yml;

  site = usecase { srcs = [ ./site/test_pages.yml ]; };

  wrong = usecase {
    cases.test_wrong = [
      {
        path = "/";
        assert_status = 404;
        assert_contains = "Hello";
      }
    ];
  };

  # Not kept, and so run again every time.
  uncached = shell "exit 1" { cacheFailures = false; };

  stable = plan {
    stable = true;
    cases = {
      test_holds = [ { run = [ "true" ]; } ];
      test_status = [
        {
          run = [
            "sh"
            "-c"
            "echo some output; exit 1"
          ];
        }
      ];
    };
  };

  # Its report has the date of a reproducible build.
  dated = shell "true" { derivationArgs.SOURCE_DATE_EPOCH = 315532800; };

  # A check of another kind.
  other =
    name:
    derivation {
      inherit name;
      system = "x86_64-linux";
      builder = "${busybox}/bin/busybox";
      args = [
        "sh"
        "-c"
        ": >$out"
      ];
    };
}
