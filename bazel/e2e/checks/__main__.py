"""Runs the checks of bazel/e2e: `python3 bazel/e2e/checks --help`. The last line is `N passed, N failed`."""

import argparse
import shlex
import sys
import unittest

from settings import SETTINGS


class _Result(unittest.TextTestResult):
    """Counts what passed, too, and says each test's name as it ends."""

    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main():
    parser = argparse.ArgumentParser(prog="checks", description=__doc__)
    parser.add_argument("--bazel", default="bazel", help="the Bazel to use, with startup options")
    parser.add_argument("--flag", action="append", default=[], help="an option for all its commands")
    parser.add_argument("--runner", help="a runner to use; by default it is built from source")
    parser.add_argument("--keep-runner", help="where to put the runner that was built from source")
    parser.add_argument("--oldest", action="store_true", help="the oldest Bazel that is supported")
    parser.add_argument("tests", nargs="+", help="MODULE, MODULE.CLASS or MODULE.CLASS.TEST")
    arguments = parser.parse_args()
    SETTINGS.program = shlex.split(arguments.bazel)
    SETTINGS.flags = arguments.flag
    SETTINGS.runner = arguments.runner
    SETTINGS.keep_runner = arguments.keep_runner
    SETTINGS.oldest = arguments.oldest

    suite = unittest.defaultTestLoader.loadTestsFromNames(arguments.tests)
    try:
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=_Result).run(suite)
    finally:
        SETTINGS.close()
    failed = len(result.failures) + len(result.errors)
    print(f"{result.passed} passed, {failed} failed")
    return 1 if failed or not result.passed else 0


sys.exit(main())
