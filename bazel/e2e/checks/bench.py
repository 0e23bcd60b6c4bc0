"""How long a test action of one echo takes, as a multiple of one that does nothing.

    python3 bazel/e2e/checks/bench.py --runner PATH [--bazel BAZEL] [--flag FLAG]...

Both run alternately, unsandboxed, one at a time; medians of what Bazel measured.
"""

import argparse
import json
import shlex
import statistics

from bazel import Workspace
from settings import use_local_runner

ROUNDS = 20


def _milliseconds(workspace, label):
    """How long Bazel says that the one run of a test took."""
    flags = [*workspace.test_flags(), "--nocache_test_results", "--strategy=TestRunner=local"]
    exit_code, output = workspace.call("test", "--", label, flags=flags)
    if exit_code:
        raise SystemExit(output)
    for line in workspace.events().read_text().splitlines():
        event = json.loads(line)
        if "testResult" in event:
            return float(event["testResult"]["testAttemptDuration"].removesuffix("s")) * 1000
    raise SystemExit(f"no event tells of {label}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bazel", default="bazel")
    parser.add_argument("--flag", action="append", default=[])
    parser.add_argument("--runner", required=True)
    arguments = parser.parse_args()
    workspace = Workspace("bench", shlex.split(arguments.bazel), arguments.flag)
    try:
        use_local_runner(workspace, arguments.runner)
        times = {"//:noop_test": [], "//:echo_test": []}
        for _ in range(ROUNDS + 1):
            for label, found in times.items():
                found.append(_milliseconds(workspace, label))
        # The first round fills caches.
        noop, echo = (statistics.median(found[1:]) for found in times.values())
        print(f"no-op {noop:.1f} ms, one echo {echo:.1f} ms: {echo / noop:.2f} times, {echo - noop:.1f} ms more")
    finally:
        workspace.close()


if __name__ == "__main__":
    main()
