"""Looks through what the stack's functions logged: ids, never a person's number or address; and traces that go with the
work from function to function.

All telephone numbers of the end-to-end tests begin with 49152 and eight digits follow; any e-mail address counts. Ids may have such
digits in them."""

import argparse
import re
import sys

import boto3
from function_logs import log_lines
from traces import Traces

PERSONAL = re.compile(r"(?<![0-9A-Za-z])49152\d{8}|[\w.+-]+@[\w-]+\.[\w.]+")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", required=True)
    stack = parser.parse_args().stack
    logs = boto3.client("logs")
    groups = [
        group["logGroupName"]
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/aws/lambda/{stack}-")
        for group in page["logGroups"]
    ]
    lines, told, traces = 0, [], Traces()
    for group in groups:
        for line in log_lines(logs, group):
            lines += 1
            if PERSONAL.search(line):
                told.append(f"{group}: {line.strip()[:400]}")
            traces.read(group.removeprefix(f"/aws/lambda/{stack}-"), line)
    faults = traces.faults()
    for line in told[:20] + faults[:20]:
        print(line, file=sys.stderr)
    print(f"{lines} log lines of {len(groups)} functions, {len(told)} with personal data")
    print(f"{traces.followed()} activities followed by their trace, {len(faults)} faults")
    # Nothing logged is nothing shown.
    return int(bool(told or faults) or traces.followed() == 0)


if __name__ == "__main__":
    sys.exit(main())
