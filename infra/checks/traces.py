"""Traces in what functions logged: an activity bears the trace of the request or message that made it, and no other,
wherever it is told of."""

import json
from collections import defaultdict
from typing import Any

WORKER, RECEIPTS = "dispatch", "api"


class Traces:
    """What the log lines of functions tell."""

    def __init__(self) -> None:
        # Under which traces functions worked.
        self.worked: set[str] = set()
        # Which functions told of an activity under which trace.
        self.told: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def read(self, function: str, line: str) -> None:
        """Takes in a line and the spans around it; what is no line of ours tells nothing."""
        if '"trace"' not in line:
            return
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            return
        for scope in [entry, *entry.get("spans", [])]:
            self._read(function, scope)

    def _read(self, function: str, scope: dict[str, Any]) -> None:
        if trace := scope.get("trace"):
            self.worked.add(trace)
        if trace := scope.get("activity_trace"):
            self.told[scope["activity"]][trace].add(function)

    def followed(self) -> int:
        """How many activities were followed from their making to their dispatch and to what came back."""
        return sum(
            {WORKER, RECEIPTS} <= functions
            for traces in self.told.values()
            for trace, functions in traces.items()
            if trace in self.worked
        )

    def faults(self) -> list[str]:
        """What is wrong."""
        several = [f"{activity} has traces {sorted(traces)}" for activity, traces in self.told.items() if len(traces) > 1]
        unknown = [
            f"{activity}: nobody worked under {trace}"
            for activity, traces in self.told.items()
            for trace in traces
            if trace not in self.worked
        ]
        return several + unknown
