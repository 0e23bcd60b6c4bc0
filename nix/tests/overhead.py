"""What a check of one `echo` costs beyond builds that do nothing. Not a test: `.ci/nix --overhead` runs it.

Four things are built in every round, each for the first time, in an order that changes from round to round:

* nothing: one derivation, whose builder, a static busybox, makes an empty file;
* two nothings: such a derivation that depends on another, as a check's gate depends on its report;
* report: the derivation that runs the `echo` in its sandbox;
* check: a report and its gate.

They were instantiated before and their inputs are in the store, so that a build is all that `nix-store --realise` does. Each is
compared with nothing of the same round; told are the medians of the differences and their quartiles, in milliseconds.
"""

import statistics
import time

import conftest

ROUNDS = 40
# What is built, and what it is compared with.
COMPARED = [("report", "nothing"), ("check", "nothing"), ("check", "two nothings"), ("two nothings", "nothing")]
# How many derivations each is.
BUILDS = {"nothing": 1, "two nothings": 2, "report": 1, "check": 2}

NOTHING = """
    nothing = name: before: derivation {
      inherit name before;
      system = "%s";
      builder = "${busybox}/bin/busybox";
      args = [ "touch" (builtins.placeholder "out") ];
    };
""" % conftest.SYSTEM
ECHO = """
    echo = nonce: test.mkPlanTest {
      name = "echo";
      inherit nonce;
      runtimeInputs = [ busybox ];
      steps = [ { run = [ "echo" "hello" ]; } ];
    };
"""
ROUND = """
    round = number: builtins.mapAttrs (_: built: built.drvPath) {
      nothing = nothing "nothing-${number}" "";
      "two nothings" = nothing "second-${number}" "${nothing "first-${number}" ""}";
      report = (echo "report ${number}").report;
      check = echo "check ${number}";
    };
"""


def test_overhead(nix):
    # The first round warms up.
    numbers = range(ROUNDS + 1)
    rounds = nix.evaluate(f"let {NOTHING}{ECHO}{ROUND} in map (n: round (toString n)) (builtins.genList (n: n) {len(numbers)})")
    taken = {name: [] for name in BUILDS}
    for number in numbers:
        names = list(taken)
        # Each is equally often the first, the second and so on.
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            started = time.monotonic()
            done = nix.run("nix-store", "--realise", rounds[number][name])
            taken[name].append(1000 * (time.monotonic() - started))
            assert done.stderr.count("building '") == BUILDS[name], done.stderr
    print()
    for name, yardstick in COMPARED:
        differences = [one - other for one, other in list(zip(taken[name], taken[yardstick]))[1:]]
        low, median, high = statistics.quantiles(differences, n=4)
        print(f"{nix.name}: {name} - {yardstick}: {median:.1f} ms ({low:.1f} to {high:.1f})")
