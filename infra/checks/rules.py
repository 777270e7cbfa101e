"""What must hold in the template, beyond what linters know. Each rule yields its faults in words."""

import json
import pathlib
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

from template import Statement, Template

# AWS Lambda Developer Guide, "Using Lambda with Amazon SQS": a batch may be retried while it is throttled.
VISIBILITY_FACTOR = 6
# What Lambda itself needs for an event source (AWS Lambda Developer Guide, "Execution role").
POLL_QUEUE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
READ_STREAM = {
    "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
}  # fmt: skip
ROOT = pathlib.Path(__file__).resolve().parents[2]
README = ROOT / "infra/README.md"
# Where the program says how items stand in the table.
LAYOUT = ROOT / "shared/platform-aws/src/layout/mod.rs"
# What a program's ports say if it makes connectors, and what its function then has to be told.
MAKES_CONNECTORS = ".connectors()"
BY_ROLE = "CONNECTORS_USE_ROLE"
# X-Ray knows no resources for these (Service Authorization Reference).
TRACING = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
# Names that are only known at run time, within one thing of this stack or one that a parameter names: objects of a
# bucket, secrets, contacts of an instance.
OPEN_ENDED = (
    re.compile(r"\$\{[A-Za-z]+\.Arn\}/\*"),
    re.compile(
        r"arn:\$\{AWS::Partition\}:ssm:\$\{AWS::Region\}:\$\{AWS::AccountId\}:parameter/\$\{AWS::StackName\}/\*"
    ),
    re.compile(r"\$\{ConnectInstanceArn\}/contact/\*"),
)


def no_wildcard_actions(template: Template) -> Iterator[str]:
    """Every action is named."""
    for statement in template.statements():
        for action in statement.actions:
            if "*" in action or "?" in action:
                yield f"{statement.owner}/{statement.sid} allows {action}"


def no_wildcard_resources(template: Template) -> Iterator[str]:
    """Every resource is one of this stack. The one exception is X-Ray's."""
    for statement in template.statements():
        if statement.resources == ("*",) and statement.actions == TRACING and statement.owner == "Tracing":
            continue
        for resource in statement.resources:
            if _is_wild(resource):
                yield f"{statement.owner}/{statement.sid} allows its actions on {resource}"


def _is_wild(resource: Any) -> bool:
    if isinstance(resource, dict) and "Fn::If" in resource:
        return any(_is_wild(branch) for branch in resource["Fn::If"][1:])
    # What a parameter names is the operator's choice.
    if isinstance(resource, dict) and {"Ref", "Fn::GetAtt", "Fn::Split"} & resource.keys():
        return False
    text = resource.get("Fn::Sub") if isinstance(resource, dict) else resource
    return not isinstance(text, str) or (
        ("*" in text or "?" in text) and not any(form.fullmatch(text) for form in OPEN_ENDED)
    )


def a_role_each(template: Template) -> Iterator[str]:
    """No two functions share a role or a log group, and every log group forgets."""
    for what in ("Role", "LoggingConfig"):
        seen: dict[str, str] = {}
        for name, function in template.functions().items():
            other = seen.setdefault(str(function[what]), name)
            if other != name:
                yield f"{name} and {other} share their {what}"
    for name, group in template.of_type("AWS::Logs::LogGroup").items():
        if "RetentionInDays" not in group:
            yield f"{name} is kept for ever"


def _sources(function: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [event["Properties"] for event in function.get("Events", {}).values() if event["Type"] == kind]


def visibility(template: Template) -> Iterator[str]:
    """A queue hides a message for at least six times as long as its function may run."""
    queues = template.of_type("AWS::SQS::Queue")
    for name, function in template.functions().items():
        for source in _sources(function, "SQS"):
            queue = source["Queue"]["Fn::GetAtt"][0]
            hidden, needed = queues[queue]["VisibilityTimeout"], VISIBILITY_FACTOR * function["Timeout"]
            if hidden < needed:
                yield f"{queue} hides messages for {hidden} s; {name} needs {needed} s"


def dead_letters(template: Template) -> Iterator[str]:
    """Every queue that is polled has a dead-letter queue, and an alarm when it is not empty."""
    queues = template.of_type("AWS::SQS::Queue")
    alarmed = {
        dimension["Value"]["Fn::GetAtt"][0]
        for alarm in template.of_type("AWS::CloudWatch::Alarm").values()
        for dimension in alarm.get("Dimensions", [])
        if dimension["Name"] == "QueueName"
    }
    for function in template.functions().values():
        for source in _sources(function, "SQS"):
            queue = source["Queue"]["Fn::GetAtt"][0]
            target = queues[queue].get("RedrivePolicy", {}).get("deadLetterTargetArn", {}).get("Fn::GetAtt")
            if target is None:
                yield f"{queue} has no dead-letter queue"
            elif target[0] not in alarmed:
                yield f"nobody is told when {target[0]} is not empty"


def partial_failures(template: Template) -> Iterator[str]:
    """One failed record does not bring its whole batch again."""
    for name, function in template.functions().items():
        for source in _sources(function, "SQS") + _sources(function, "DynamoDB"):
            if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
                yield f"an event source of {name} does not report failures one by one"


def event_source_rights(template: Template) -> Iterator[str]:
    """What the Lambda service may do for a function is what its event sources need, no more, no less."""
    for name, function in template.functions().items():
        needed: dict[str, set[str]] = {}
        for source in _sources(function, "SQS"):
            needed.setdefault(str(source["Queue"]), set()).update(POLL_QUEUE)
        for source in _sources(function, "DynamoDB"):
            needed.setdefault(str(source["Stream"]), set()).update(READ_STREAM)
            bucket = source["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
            needed[str({"Fn::Sub": f"${{{bucket}.Arn}}/*"})] = {"s3:PutObject"}
            needed[str({"Fn::GetAtt": [bucket, "Arn"]})] = {"s3:ListBucket"}
        logs = function["LoggingConfig"]["LogGroup"]["Ref"]
        needed[str({"Fn::GetAtt": [logs, "Arn"]})] = {"logs:CreateLogStream", "logs:PutLogEvents"}
        given = _rights(s for s in template.statements() if s.owner == template.role(name) and s.by_service)
        for resource in sorted(needed.keys() | given.keys()):
            lacking = needed.get(resource, set()) - given.get(resource, set())
            spare = given.get(resource, set()) - needed.get(resource, set())
            if lacking:
                yield f"Lambda may not {sorted(lacking)} on {resource} for {name}"
            if spare:
                yield f"Lambda need not {sorted(spare)} on {resource} for {name}"


def _rights(statements: Iterator[Statement]) -> dict[str, set[str]]:
    rights: dict[str, set[str]] = {}
    for statement in statements:
        for resource in statement.resources:
            rights.setdefault(str(resource), set()).update(statement.actions)
    return rights


def layout(template: Template) -> Iterator[str]:
    """The table has the keys, the index and the stream that the program works with."""
    named = dict(re.findall(r'pub const (\w+): &str = r?#?"(.+?)"#?;', LAYOUT.read_text()))
    table = template.of_type("AWS::DynamoDB::Table")["Table"]
    (index,) = table["GlobalSecondaryIndexes"]
    stands = {
        "keys": [key["AttributeName"] for key in table["KeySchema"] + index["KeySchema"]],
        "index": index["IndexName"],
        "time to live": table["TimeToLiveSpecification"]["AttributeName"],
        "stream": table["StreamSpecification"]["StreamViewType"],
    }
    meant = {
        "keys": [named["PARTITION"], named["SORT"], named["DUE_SHARD"], named["DUE"]],
        "index": named["DUE_INDEX"],
        "time to live": named["TTL"],
        "stream": "NEW_IMAGE",
    }
    for what, value in meant.items():
        if stands[what] != value:
            yield f"{what}: the template has {stands[what]}, the program {value}"
    for name, function in template.functions().items():
        for source in _sources(function, "DynamoDB"):
            patterns = [json.loads(kept["Pattern"]) for kept in source["FilterCriteria"]["Filters"]]
            if patterns != [json.loads(named["STREAM_FILTER"])]:
                yield f"{name} is not told exactly of announced writes"


def told_by_shard(template: Template) -> Iterator[str]:
    """History counts each change once: batches name their shard, and come one at a time."""
    (source,) = _sources(template.functions()["HistoryFunction"], "DynamoDB")
    if not source.get("TumblingWindowInSeconds"):
        yield "Lambda names the shard only in time windows: TumblingWindowInSeconds is missing"
    if source.get("ParallelizationFactor") != 1:
        yield "two batches of one shard would be counted at once"


def connectors_by_role(template: Template) -> Iterator[str]:
    """Whatever makes connectors knows whether they sign by the role: a connector without keys that one function takes
    and another refuses could not be set up, or its receipts not be read."""
    makers = set(_makers_of_connectors())
    told = {}
    for name, function in template.functions().items():
        program = function["CodeUri"].rsplit("/", 1)[-1]
        variables = template.data["Globals"]["Function"]["Environment"]["Variables"]
        variables = variables | function.get("Environment", {}).get("Variables", {})
        if program in makers:
            told[name] = variables.get(BY_ROLE)
            makers.discard(program)
        elif BY_ROLE in variables:
            yield f"{name} makes no connectors, and need not know of {BY_ROLE}"
    for name, value in told.items():
        if value is None:
            yield f"{name} makes connectors, and is not told {BY_ROLE}"
        elif value != next(iter(told.values())):
            yield f"{name} is told another {BY_ROLE} than others"
    for program in sorted(makers):
        yield f"{program} makes connectors, and is no function of the template"


def _makers_of_connectors() -> Iterator[str]:
    """The programs, by name, among whose ports connectors are."""
    for main in sorted([*ROOT.glob("functions/*/src/main.rs"), *ROOT.glob("workers/*/src/main.rs")]):
        if MAKES_CONNECTORS in main.read_text():
            yield tomllib.loads((main.parents[1] / "Cargo.toml").read_text())["package"]["name"]


def computed_alarms(template: Template) -> Iterator[str]:
    """Alarms on computed metrics are made on AWS only: emulators refuse them, and with them the stack."""
    for name, alarm in template.data["Resources"].items():
        computed = alarm["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in alarm["Properties"]
        if computed and alarm.get("Condition") != "OnAws":
            yield f"{name} has computed metrics, and not the condition OnAws"


def every_function_is_watched(template: Template) -> Iterator[str]:
    """Errors and throttles of each function are counted."""
    alarms = template.of_type("AWS::CloudWatch::Alarm")
    for name in template.functions():
        for alarm in ("FunctionErrorsAlarm", "FunctionThrottlesAlarm"):
            if f"'Ref': '{name}'" not in str(alarms[alarm]["Metrics"]):
                yield f"{alarm} does not count {name}"


def priced_alarms(template: Template) -> Iterator[str]:
    """The alarms that are paid for when nothing happens are those that the README counts, ten cents for each metric."""
    single, computed = 0, []
    for alarm in template.data["Resources"].values():
        if alarm["Type"] != "AWS::CloudWatch::Alarm" or alarm.get("Condition") not in (None, "OnAws"):
            continue
        metrics = alarm["Properties"].get("Metrics")
        if metrics is None:
            single += 1
        else:
            computed.append(sum("MetricStat" in metric for metric in metrics))
    dollars = (single + sum(computed)) / 10
    row = (
        f"| alarms | {single} on one metric, and {sum(computed)} metrics in {len(computed)} on several | {dollars:.2f} |"
    )
    if row not in README.read_text():
        yield f"infra/README.md should say: {row}"


RULES: list[Callable[[Template], Iterator[str]]] = [
    no_wildcard_actions, no_wildcard_resources, a_role_each, visibility, dead_letters, partial_failures,
    event_source_rights, layout, told_by_shard, connectors_by_role, computed_alarms, every_function_is_watched, priced_alarms,
]  # fmt: skip


def faults(template: Template) -> list[str]:
    """All faults of a template."""
    return [f"{rule.__name__}: {fault}" for rule in RULES for fault in rule(template)]


if __name__ == "__main__":
    found = faults(Template.read())
    for fault in found:
        print(fault, file=sys.stderr)
    print(f"{len(RULES)} rules, {len(found)} faults")
    sys.exit(bool(found))
