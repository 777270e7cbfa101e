"""Log lines are read whole, though a page may be the last one that is offered."""

import unittest
from collections.abc import Iterator
from typing import Any

from function_logs import log_lines

LIMIT = 3


class Logs:
    """Answers as emulators do: a page, and no token."""

    def __init__(self, timestamps: list[int]) -> None:
        self.events = [{"timestamp": at, "message": f"line {place}"} for place, at in enumerate(timestamps)]

    def get_paginator(self, _: str) -> "Logs":
        return self

    def paginate(self, logGroupName: str, startTime: int) -> Iterator[dict[str, Any]]:
        yield {"events": [event for event in self.events if event["timestamp"] >= startTime][:LIMIT]}


class FunctionLogs(unittest.TestCase):
    def test_every_line_is_read_once(self) -> None:
        for timestamps in ([], [5], [1, 2, 2, 3, 4, 4, 7, 8], list(range(20))):
            lines = list(log_lines(Logs(timestamps), "group"))
            self.assertEqual(lines, [f"line {place}" for place in range(len(timestamps))])


if __name__ == "__main__":
    unittest.main()
