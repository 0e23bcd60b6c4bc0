"""How long a test action of one echo takes, as a multiple of one that does nothing.

    python3 bazel/e2e/checks/bench.py --runner PATH [--bazel BAZEL] [--flag FLAG]...

Both run one at a time, in pairs whose order alternates, without and with Bazel's sandbox; medians of what Bazel measured, and of
the differences within the pairs, which what else the machine does disturbs least.
"""

import argparse
import json
import shlex
import statistics

from bazel import Workspace
from settings import use_local_runner

ROUNDS = 20

NOOP, ECHO = "//:noop_test", "//:echo_test"


def _milliseconds(workspace, label, strategy):
    """How long Bazel says that the one run of a test took."""
    flags = [*workspace.test_flags(), "--nocache_test_results", f"--strategy=TestRunner={strategy}"]
    exit_code, output = workspace.call("test", "--", label, flags=flags)
    if exit_code:
        raise SystemExit(output)
    for line in workspace.events().read_text().splitlines():
        event = json.loads(line)
        if "testResult" in event:
            return float(event["testResult"]["testAttemptDuration"].removesuffix("s")) * 1000
    raise SystemExit(f"no event tells of {label}")


def _compare(workspace, strategy):
    rounds = []
    for number in range(ROUNDS + 1):
        order = (NOOP, ECHO) if number % 2 else (ECHO, NOOP)
        rounds.append({label: _milliseconds(workspace, label, strategy) for label in order})
    # The first round fills caches.
    del rounds[0]
    noop, echo = (statistics.median(times[label] for times in rounds) for label in (NOOP, ECHO))
    more = sorted(times[ECHO] - times[NOOP] for times in rounds)
    print(
        f"{strategy}: no-op {noop:.1f} ms, one echo {echo:.1f} ms: {echo / noop:.2f} times, {statistics.median(more):.1f} ms more "
        f"(half of the pairs: {more[len(more) // 4]:.0f} to {more[len(more) * 3 // 4]:.0f})",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bazel", default="bazel")
    parser.add_argument("--flag", action="append", default=[])
    parser.add_argument("--runner", required=True)
    arguments = parser.parse_args()
    workspace = Workspace("bench", shlex.split(arguments.bazel), arguments.flag)
    try:
        use_local_runner(workspace, arguments.runner)
        for strategy in ("local", "linux-sandbox"):
            _compare(workspace, strategy)
    finally:
        workspace.close()


if __name__ == "__main__":
    main()
