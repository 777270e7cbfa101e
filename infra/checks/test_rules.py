"""The rules hold for the template, and each finds the fault that it is there for."""

import unittest

from rules import BY_ROLE, faults
from template import PATH, Template

TEXT = PATH.read_text()
BY_ROLE_TOLD = BY_ROLE + ': !If [SendsByRole, "true", "false"]'

# What is written instead of what, and the rule that must notice.
PLANTED = [
    ('"dynamodb:Query"', '"dynamodb:*"', "no_wildcard_actions"),
    ("Resource: !GetAtt Bus.Arn", 'Resource: "*"', "no_wildcard_resources"),
    ('Resource: !Sub "${Uploads.Arn}/*"', 'Resource: !Sub "arn:${AWS::Partition}:s3:::*/*"', "no_wildcard_resources"),
    ('Resource: !Sub "${ConnectInstanceArn}/contact/*"', 'Resource: !Sub "${ConnectInstanceArn}/*"', "no_wildcard_resources"),
    ("Role: !GetAtt FlowRole.Arn", "Role: !GetAtt DispatchRole.Arn", "a_role_each"),
    ("      RetentionInDays: !FindInMap [Stages, !Ref Stage, LogDays]\n", "", "a_role_each"),
    ("VisibilityTimeout: 360", "VisibilityTimeout: 359", "visibility"),
    ("Value: !GetAtt FlowDeadLetters.QueueName", "Value: !GetAtt FlowQueue.QueueName", "dead_letters"),
    ("FunctionResponseTypes: [ReportBatchItemFailures]", "Enabled: true", "partial_failures"),
    ('"dynamodb:GetShardIterator"', '"dynamodb:GetItem"', "event_source_rights"),
    ('"sqs:GetQueueAttributes"]', '"sqs:GetQueueAttributes", "sqs:PurgeQueue"]', "event_source_rights"),
    ("{AttributeName: due_shard, KeyType: HASH}", "{AttributeName: shard, KeyType: HASH}", "layout"),
    ('{"announced": {"N": ["1"]}}', '{"announced": {"N": ["0"]}}', "layout"),
    ("            TumblingWindowInSeconds: 900\n", "", "told_by_shard"),
    ("ParallelizationFactor: 1", "ParallelizationFactor: 2", "told_by_shard"),
    (f"          {BY_ROLE_TOLD}\n", "", "connectors_by_role"),
    (BY_ROLE_TOLD, f'{BY_ROLE}: "true"', "connectors_by_role"),
    ("      Timeout: 10\n      Environment:\n        Variables:\n",
     f"      Timeout: 10\n      Environment:\n        Variables:\n          {BY_ROLE_TOLD}\n", "connectors_by_role"),
    ("    Type: AWS::CloudWatch::Alarm\n    Condition: OnAws\n", "    Type: AWS::CloudWatch::Alarm\n", "computed_alarms"),
    ("MetricName: Errors, Dimensions: [{Name: FunctionName, Value: !Ref AdministrationFunction}]",
     "MetricName: Errors, Dimensions: [{Name: FunctionName, Value: !Ref ApiFunction}]", "every_function_is_watched"),
    ("  LatenessAlarm:\n    Type: AWS::CloudWatch::Alarm\n", "  LatenessAlarm:\n    Type: AWS::SNS::Topic\n", "priced_alarms"),
]  # fmt: skip


class Rules(unittest.TestCase):
    def test_they_hold(self) -> None:
        self.assertEqual(faults(Template(TEXT)), [])

    def test_each_finds_its_fault(self) -> None:
        for original, planted, rule in PLANTED:
            with self.subTest(planted=planted):
                self.assertTrue(original in TEXT, original)
                found = faults(Template(TEXT.replace(original, planted, 1)))
                self.assertTrue(any(fault.startswith(rule) for fault in found), found)


if __name__ == "__main__":
    unittest.main()
