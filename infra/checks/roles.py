"""Holds each function's role against the AWS calls that the function recorded: what it may do and what it
did must be the same, action by action and resource by resource."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from function_logs import log_lines
from template import Template

TARGET = "aws_call"
# What a call is about, by kind and name, as a resource of the stack. There is one of each but of queues.
KINDS = {
    ("table", ""): "Table",
    ("index", "due"): "Table/due",
    ("bus", ""): "Bus",
    ("bucket", ""): "Uploads",
    ("parameter", ""): "Secrets",
}
# Rights that S3 asks for without a call of theirs: only who may list is told that an object is missing.
IMPLIED = {"s3:ListBucket"}


@dataclass(frozen=True, order=True)
class Right:
    """To do something to a resource of the stack, by the resource's logical id."""

    action: str
    resource: str


# Rights that no ordinary run uses, and why they are there all the same.
RARE = {
    ("ApiFunction", Right("s3:DeleteObject", "Uploads")): "a file beyond the bound of 200 MB is deleted unread",
    ("ApiFunction", Right("dynamodb:ConditionCheckItem", "Table")): (
        "what comes in for a conversation whose campaign is paused is held only while that is so"
    ),
    ("FlowFunction", Right("sqs:SendMessage", "PacingQueue")): (
        "a receipt that came before its call was known wakes the call's pacing"
    ),
    ("PacingOwnerFunction", Right("sqs:SendMessage", "FlowQueue")): (
        "an agent's rejection may lead to a node that waits for a moment"
    ),
    ("WebhooksFunction", Right("ssm:PutParameter", "Secrets")): (
        "whoever tells a tenant's first callback makes its secret: mostly the delivery worker"
    ),
}


def allowed(template: Template, function: str) -> set[Right]:
    """What the function's own code may do, as deployed without optional parameters."""
    return {
        Right(action, _resource(resource))
        for statement in template.statements()
        if statement.owner == template.role(function) and not statement.by_service and not statement.optional
        for action in statement.actions
        if action not in IMPLIED
        for resource in statement.resources
    }


def _resource(resource: Any) -> str:
    """Which resource of the stack a statement means: `!GetAtt FlowQueue.Arn` is FlowQueue."""
    if "Fn::GetAtt" in resource:
        return resource["Fn::GetAtt"][0]
    text = resource["Fn::Sub"]
    if text.startswith("${"):
        return text[2:].split(".")[0]
    if text.endswith("/index/due"):
        return "Table/due"
    return "Table" if ":table/" in text else "Secrets"


def recorded(lines: Iterable[str], queues: dict[str, str]) -> set[Right]:
    """The calls among log lines. `queues` gives logical ids by names."""
    return {right for line in lines if (right := _call(line, queues)) is not None}


def _call(line: str, queues: dict[str, str]) -> Right | None:
    """Reads what shared/platform-aws/src/calls.rs writes."""
    if TARGET not in line:
        return None
    try:
        entry = json.loads(line)
    except json.JSONDecodeError:
        return None
    if not isinstance(entry, dict) or entry.get("target") != TARGET:
        return None
    kind, name = entry["resource"], entry["name"]
    resource = queues.get(name, name) if kind == "queue" else KINDS.get((kind, name), f"{kind} {name}")
    return Right(f"{entry['service']}:{entry['action']}", resource)


def queue_names(template: Template, stack: str) -> dict[str, str]:
    """The logical ids of the queues by their names."""
    return {
        queue["QueueName"]["Fn::Sub"].replace("${AWS::StackName}", stack): name
        for name, queue in template.of_type("AWS::SQS::Queue").items()
    }


def differences(function: str, may: set[Right], did: set[Right]) -> Iterator[str]:
    """In words."""
    for right in sorted(did - may):
        yield f"{function} did {right.action} on {right.resource}, which its role does not allow"
    for right in sorted(may - did):
        if (function, right) not in RARE:
            yield f"{function} may {right.action} on {right.resource}, and never did"
    for owner, right in sorted(RARE.keys()):
        if owner == function and right not in may:
            yield f"{function} is said to need {right.action} on {right.resource}, which its role does not allow"


def main() -> None:
    """Asks the logs of a deployment."""
    import boto3

    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--stack", default="campaigns")
    stack = arguments.parse_args().stack
    template, logs, found, calls = Template.read(), boto3.client("logs"), [], 0
    for function, properties in template.functions().items():
        name = properties["FunctionName"]["Fn::Sub"].replace("${AWS::StackName}", stack)
        did = recorded(log_lines(logs, f"/aws/lambda/{name}"), queue_names(template, stack))
        if not did:
            found.append(f"{function} recorded no call: deploy with LogFilter=info,{TARGET}=debug and use it")
            continue
        calls += len(did)
        found += differences(function, allowed(template, function), did)
    for fault in found:
        print(fault, file=sys.stderr)
    print(f"{len(template.functions())} functions, {calls} rights used, {len(found)} differences")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
