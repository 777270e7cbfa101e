"""The template as plain data: short forms of CloudFormation's functions (!Ref X) in their long form
({"Ref": "X"}), and what the checks ask of it."""

import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

PATH = pathlib.Path(__file__).resolve().parent.parent / "template.yaml"
# Statements of these are used by the Lambda service on a function's behalf, not by its own code.
SERVICE = "Lambda"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's tags."""


def _short_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if tag == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {"Ref" if tag == "Ref" else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _short_form)


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    owner: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[Any, ...]
    # Whether it is only there where a parameter is set otherwise than by default.
    optional: bool = False

    @property
    def by_service(self) -> bool:
        """Whether the Lambda service uses it, and not the function's code."""
        return self.sid.startswith(SERVICE)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Template:
    """The template, and what is asked of it."""

    def __init__(self, text: str):
        self.data: dict[str, Any] = yaml.load(text, _Loader)  # noqa: S506: a SafeLoader

    @classmethod
    def read(cls) -> "Template":
        """The template of this directory."""
        return cls(PATH.read_text())

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of the resources of a type, by logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.data["Resources"].items()
            if resource["Type"] == kind
        }

    def functions(self) -> dict[str, dict[str, Any]]:
        """The functions, with what holds for all of them filled in."""
        common = self.data["Globals"]["Function"]
        return {name: common | own for name, own in self.of_type("AWS::Serverless::Function").items()}

    def role(self, function: str) -> str:
        """The logical id of a function's role."""
        return self.functions()[function]["Role"]["Fn::GetAtt"][0]

    def statements(self) -> Iterator[Statement]:
        """Every statement that allows something to a function."""
        for name, properties in self.of_type("AWS::IAM::Role").items():
            for policy in properties.get("Policies", []):
                yield from self._statements(name, policy["PolicyDocument"])
        for name, properties in self.of_type("AWS::IAM::ManagedPolicy").items():
            yield from self._statements(name, properties["PolicyDocument"])

    def _statements(self, owner: str, document: dict[str, Any]) -> Iterator[Statement]:
        for statement in document["Statement"]:
            switched = statement.get("Fn::If")
            stated = switched[1] if switched else statement
            yield Statement(
                owner,
                stated.get("Sid", ""),
                tuple(_list(stated["Action"])),
                tuple(_list(stated["Resource"])),
                optional=switched is not None and not self.by_default(switched[0]),
            )

    def by_default(self, condition: str) -> bool:
        """Whether a condition holds where every parameter is as by default."""
        return bool(self._value(self.data["Conditions"][condition]))

    def _value(self, expression: Any) -> Any:
        if not isinstance(expression, dict):
            return expression
        ((function, arguments),) = expression.items()
        match function:
            case "Ref":
                return self.data["Parameters"][arguments]["Default"]
            case "Condition" | "Fn::Condition":
                return self.by_default(arguments)
            case "Fn::Equals":
                return self._value(arguments[0]) == self._value(arguments[1])
            case "Fn::Not":
                return not self._value(arguments[0])
            case "Fn::Or":
                return any(self._value(argument) for argument in arguments)
        raise ValueError(f"{function} is not known here")
