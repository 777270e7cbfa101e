"""Roles and recorded calls are told apart exactly."""

import json
import unittest

from roles import Right, allowed, differences, queue_names, recorded
from template import Template


def line(service: str, action: str, resource: str, name: str = "", target: str = "aws_call") -> str:
    entry = {"level": "DEBUG", "target": target, "service": service, "action": action}
    return json.dumps(entry | {"resource": resource, "name": name})


class Roles(unittest.TestCase):
    def test_statements_name_resources_of_the_stack(self) -> None:
        rights = allowed(Template.read(), "EnqueueDueFunction")
        self.assertIn(Right("dynamodb:Query", "Table/due"), rights)
        self.assertIn(Right("dynamodb:GetItem", "Table"), rights)
        self.assertIn(Right("sqs:SendMessage", "FlowQueue"), rights)
        self.assertFalse([right for right in rights if right.action.startswith("logs:")])

    def test_what_lambda_does_and_what_is_switched_off_is_not_asked_for(self) -> None:
        actions = {right.action for right in allowed(Template.read(), "DispatchFunction")}
        self.assertNotIn("sqs:ReceiveMessage", actions)
        self.assertNotIn("ses:SendEmail", actions)
        self.assertNotIn("connect:StartOutboundVoiceContact", actions)

    def test_what_is_switched_on_by_default_is_asked_for(self) -> None:
        self.assertIn(Right("events:PutEvents", "Bus"), allowed(Template.read(), "WebhooksFunction"))

    def test_conditions_are_told_as_by_default(self) -> None:
        template = Template.read()
        on = {name for name in template.data["Conditions"] if template.by_default(name)}
        self.assertEqual(on, {"OwnTable", "Reserved", "Published", "GatewayUrl", "OnArm", "OnAws"})

    def test_calls_are_read_from_log_lines(self) -> None:
        lines = [
            "START RequestId: 1 Version: $LATEST",
            line("dynamodb", "GetItem", "table"),
            line("dynamodb", "GetItem", "table"),
            line("dynamodb", "Query", "index", "due"),
            line("sqs", "SendMessage", "queue", "here-flow"),
            line("dynamodb", "PutItem", "table", target="application"),
            "aws_call {",
        ]
        self.assertEqual(
            recorded(lines, queue_names(Template.read(), "here")),
            {
                Right("dynamodb:GetItem", "Table"),
                Right("dynamodb:Query", "Table/due"),
                Right("sqs:SendMessage", "FlowQueue"),
            },
        )

    def test_too_much_and_too_little_are_told(self) -> None:
        get, put = Right("dynamodb:GetItem", "Table"), Right("dynamodb:PutItem", "Table")
        self.assertEqual(list(differences("F", {get}, {get})), [])
        self.assertIn("never did", next(differences("F", {get, put}, {get})))
        self.assertIn("does not allow", next(differences("F", {get}, {get, put})))


if __name__ == "__main__":
    unittest.main()
