"""Reads a synthesized stack as a person would: what is there, what it refers to, what it waits for."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

Properties = dict[str, Any]


@dataclass(frozen=True)
class Template:
    """One stack's template in the cloud assembly ``folder``."""

    folder: Path
    stack: str

    @property
    def file(self) -> Path:
        """Where it is written."""
        return self.folder / f"{self.stack}.template.json"

    @cached_property
    def body(self) -> dict[str, Any]:
        """The template."""
        return dict(json.loads(self.file.read_text()))

    @property
    def resources(self) -> Mapping[str, Properties]:
        """Every resource by its logical id."""
        return dict(self.body["Resources"])

    def of_type(self, kind: str) -> dict[str, Properties]:
        """The properties of all resources of the CloudFormation type ``kind``, by logical id; never empty."""
        found = {id: one.get("Properties", {}) for id, one in self.resources.items() if one["Type"] == kind}
        assert found, f"no {kind} in {self.stack}"
        return found

    def function(self, name: str) -> Properties:
        """The properties of the function ``name`` (without the stack's)."""
        functions = self.of_type("AWS::Lambda::Function").values()
        return next(one for one in functions if one["FunctionName"] == f"{self.stack}-{name}")

    @property
    def function_names(self) -> list[str]:
        """Every function's name without the stack's."""
        functions = self.of_type("AWS::Lambda::Function").values()
        return [str(one["FunctionName"]).removeprefix(f"{self.stack}-") for one in functions]

    def environment(self, name: str) -> dict[str, Any]:
        """The environment variables of the function ``name``."""
        return dict(self.function(name)["Environment"]["Variables"])

    def statements(self, name: str) -> Iterator[Properties]:
        """Every statement of every policy of the role of the function ``name``."""
        role = target(self.function(name)["Role"])
        assert "ManagedPolicyArns" not in self.resources[role]["Properties"]
        assert "Policies" not in self.resources[role]["Properties"]
        for policy in self.of_type("AWS::IAM::Policy").values():
            if role in map(target, policy["Roles"]):
                yield from policy["PolicyDocument"]["Statement"]

    def waits_for(self, id: str) -> set[str]:
        """Everything that CloudFormation creates before the resource ``id``, directly or not."""
        seen: set[str] = set()
        ahead = [id]
        while ahead:
            one = self.resources[ahead.pop()]
            depends = one.get("DependsOn", [])
            named = {*references(one), *([depends] if isinstance(depends, str) else depends)}
            ahead += [name for name in named & self.resources.keys() if name not in seen]
            seen |= named
        return seen & self.resources.keys()


def target(reference: Any) -> str:
    """The logical id that a ``Ref`` or ``Fn::GetAtt`` points at."""
    return str(reference["Ref"] if "Ref" in reference else reference["Fn::GetAtt"][0])


def references(value: Any) -> Iterator[str]:
    """Every logical id that ``value`` refers to, however deep."""
    if isinstance(value, dict):
        if "Ref" in value or "Fn::GetAtt" in value:
            yield target(value)
        else:
            for inner in value.values():
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def listed(value: Any) -> list[Any]:
    """``value`` as a list, for properties that CloudFormation lets be one or many."""
    return value if isinstance(value, list) else [value]
