"""What a check of one `echo` costs beyond a build that does nothing: medians, in milliseconds, of interleaved builds.

Not a test: `.ci/nix --overhead` runs it.
"""

import statistics
import time

import conftest

ROUNDS = 15


def test_overhead(nix):
    """Three builds a round, each of something new: nothing, the report, the report and its gate."""
    expressions = {
        "nothing": 'derivation { name = "nothing-@"; system = "%s"; builder = "${busybox}/bin/busybox"; args = [ "touch" (builtins.placeholder "out") ]; }'
        % conftest.SYSTEM,
        "report": 'let nonce = "@"; in (test.mkPlanTest { name = "echo"; inherit nonce; runtimeInputs = [ busybox ];'
        ' steps = [ { run = [ "echo" "hello" ]; } ]; }).report',
        "check": 'let nonce = "check @"; in test.mkPlanTest { name = "echo"; inherit nonce; runtimeInputs = [ busybox ];'
        ' steps = [ { run = [ "echo" "hello" ]; } ]; }',
    }
    taken = {name: [] for name in expressions}
    for number in range(ROUNDS + 1):
        for name, expression in expressions.items():
            expression = conftest.in_scope(expression.replace("@", str(number)))
            command = ["nix", "build", "--impure", "--no-link", "--expr", expression]
            # Evaluated and copied before, so that what remains is the build.
            nix.run(*command, "--dry-run")
            started = time.monotonic()
            nix.run(*command)
            # The first round warms up.
            if number > 0:
                taken[name].append(1000 * (time.monotonic() - started))
    nothing = statistics.median(taken["nothing"])
    for name, times in taken.items():
        median = statistics.median(times)
        print(f"{nix.name}: {name}: {median:.1f} ms, {median - nothing:+.1f} ms")
