"""The log lines of a function, all of them."""

from collections.abc import Iterator
from typing import Any


def log_lines(logs: Any, group: str) -> Iterator[str]:
    """Every line of a log group. Emulators answer with the first 10,000 and no token for the next page, so the
    rest is asked for from the last instant on."""
    start, seen = 0, set()
    while True:
        events = [
            event
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start)
            for event in page["events"]
        ]
        fresh = [event for event in events if _identity(event) not in seen]
        if not fresh:
            return
        yield from (event["message"] for event in fresh)
        start = fresh[-1]["timestamp"]
        seen = {_identity(event) for event in events if event["timestamp"] == start}


def _identity(event: dict[str, Any]) -> tuple[Any, ...]:
    return event.get("eventId"), event["timestamp"], event.get("logStreamName"), event["message"]
