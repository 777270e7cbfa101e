"""Holds what is in each function's program against its role: the client of a service is linked into a function exactly
where the function may call the service. What is not used makes functions large and slow to start."""

import pathlib
import re
import sys

from template import PATH, Template

# Clients as symbols name them, by IAM's prefix of the service.
CLIENTS = {
    "dynamodb": re.compile(rb"aws_sdk_dynamodb6client"),
    "events": re.compile(rb"aws_sdk_eventbridge6client"),
    "s3": re.compile(rb"platform_aws2s36Bucket"),
    "sqs": re.compile(rb"aws_sdk_sqs6client"),
}


def called(template: Template, function: str) -> set[str]:
    """The services that the function's own code may call."""
    return {
        action.split(":")[0]
        for statement in template.statements()
        if statement.owner == template.role(function) and not statement.by_service
        for action in statement.actions
    } & CLIENTS.keys()


def linked(program: bytes) -> set[str]:
    """The services whose clients are in a program that still has its symbols."""
    return {service for service, client in CLIENTS.items() if client.search(program)}


def main() -> None:
    """Looks into the programs where the template says they are."""
    template, faults = Template.read(), []
    for function, properties in template.functions().items():
        program = (PATH.parent / pathlib.Path(properties["CodeUri"]) / "bootstrap").read_bytes()
        may, has = called(template, function), linked(program)
        faults += [f"{function} may call {service}, and has no client of it" for service in sorted(may - has)]
        faults += [f"{function} has a client of {service}, which it may not call" for service in sorted(has - may)]
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(template.functions())} functions, {len(faults)} clients too few or too many")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
