"""Reads a JUnit report as dashboards do, with junitparser, and prints what it says as JSON."""

import json
import sys

from junitparser import Error, Failure, Skipped
from junitparser.xunit2 import JUnitXml

KINDS = {Failure: "failure", Error: "error", Skipped: "skipped"}


def read_case(case):
    results = [(KINDS[type(result)], result.type, result.message, result.text) for result in case.result]
    return {
        "classname": case.classname,
        "name": case.name,
        "time": case.time,
        "verdict": results[0][0] if results else "passed",
        "results": results,
        "flaky": [(result.type, result.message, result.stack_trace) for result in case.flaky_failures()],
        "rerun": [(result.type, result.message, result.stack_trace) for result in case.rerun_failures()],
        "system_out": case.system_out,
        "children": len(list(case._elem)),
    }


def counts(of):
    return {"tests": of.tests, "failures": of.failures, "errors": of.errors, "skipped": of.skipped}


def read(path):
    xml = JUnitXml.fromfile(path)
    told = {"time": xml.time, "counts": counts(xml)}
    suites = [
        {
            "name": suite.name,
            "time": suite.time,
            "counts": counts(suite),
            "properties": {p.name: p.value for p in suite.properties()},
            "cases": [read_case(case) for case in suite],
        }
        for suite in xml
    ]
    # What the document says of itself, and what comes out when its test cases are counted.
    xml.update_statistics()
    counted = {"time": xml.time, "counts": counts(xml)}
    # xunit2 has no number of skipped test cases at the root.
    counted["counts"]["skipped"] = sum(suite.skipped for suite in xml)
    return {"told": told, "counted": counted, "suites": suites}


json.dump(read(sys.argv[1]), sys.stdout)
