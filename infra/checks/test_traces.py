"""Traces are followed from function to function, and faults in them are seen."""

import json
import unittest

from traces import Traces

REQUEST = json.dumps({"message": "answered", "spans": [{"name": "request", "trace": "t"}]})


def dispatched(trace: str) -> str:
    spans = [{"name": "invocation", "trace": "worker"}, {"name": "message", "activity": "a", "activity_trace": trace}]
    return json.dumps({"message": "dispatched", "spans": spans})


def came_back(trace: str) -> str:
    return json.dumps({"activity": "a", "activity_trace": trace, "spans": [{"name": "request", "trace": "receipt"}]})


def told(*lines: tuple[str, str]) -> Traces:
    traces = Traces()
    for function, line in lines:
        traces.read(function, line)
    return traces


class TracesOfActivities(unittest.TestCase):
    def test_an_activity_is_followed_from_its_request_to_its_receipt(self) -> None:
        traces = told(
            ("api", REQUEST), ("dispatch", dispatched("t")), ("api", came_back("t")), ("api", 'no JSON, but "trace"')
        )
        self.assertEqual((traces.faults(), traces.followed()), ([], 1))

    def test_without_its_receipt_it_is_not_followed(self) -> None:
        self.assertEqual(told(("api", REQUEST), ("dispatch", dispatched("t"))).followed(), 0)

    def test_another_trace_on_the_way_is_a_fault(self) -> None:
        traces = told(("api", REQUEST), ("dispatch", dispatched("t")), ("api", came_back("worker")))
        self.assertEqual(traces.faults(), ["a has traces ['t', 'worker']"])

    def test_a_trace_of_nobody_is_a_fault(self) -> None:
        self.assertEqual(told(("dispatch", dispatched("t"))).faults(), ["a: nobody worked under t"])


if __name__ == "__main__":
    unittest.main()
