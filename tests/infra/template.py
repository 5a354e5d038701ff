"""Read a synthesized stack: its resources, their references and their dependencies."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

Properties = dict[str, Any]


@dataclass(frozen=True)
class Template:
    """The template of ``stack`` in the cloud assembly ``folder``."""

    folder: Path
    stack: str

    @property
    def file(self) -> Path:
        """Return the path of the template."""
        return self.folder / f"{self.stack}.template.json"

    @cached_property
    def body(self) -> dict[str, Any]:
        """Return the parsed template."""
        return dict(json.loads(self.file.read_text()))

    @property
    def resources(self) -> Mapping[str, Properties]:
        """Return every resource by its logical id."""
        return dict(self.body["Resources"])

    def of_type(self, kind: str) -> dict[str, Properties]:
        """Return the properties of all resources of type ``kind``, by logical id; fail if there are none."""
        found = {id: one.get("Properties", {}) for id, one in self.resources.items() if one["Type"] == kind}
        assert found, f"no {kind} in {self.stack}"
        return found

    def function(self, name: str) -> Properties:
        """Return the properties of the function ``name`` (without the stack's prefix)."""
        functions = self.of_type("AWS::Lambda::Function").values()
        return next(one for one in functions if one["FunctionName"] == f"{self.stack}-{name}")

    @property
    def function_names(self) -> list[str]:
        """Return every function's name without the stack's prefix."""
        functions = self.of_type("AWS::Lambda::Function").values()
        return [str(one["FunctionName"]).removeprefix(f"{self.stack}-") for one in functions]

    def environment(self, name: str) -> dict[str, Any]:
        """Return the environment variables of the function ``name``."""
        return dict(self.function(name)["Environment"]["Variables"])

    def live(self, alias: Any) -> str:
        """Return the logical id of the function to whose alias ``live`` the reference ``alias`` refers."""
        (id,) = references(alias)
        one = self.resources[id]
        assert (one["Type"], one["Properties"]["Name"]) == ("AWS::Lambda::Alias", "live")
        return target(one["Properties"]["FunctionName"])

    def statements(self, name: str) -> Iterator[Properties]:
        """Yield every statement of every policy of the role of the function ``name``."""
        role = target(self.function(name)["Role"])
        assert "ManagedPolicyArns" not in self.resources[role]["Properties"]
        assert "Policies" not in self.resources[role]["Properties"]
        for policy in self.of_type("AWS::IAM::Policy").values():
            if role in map(target, policy["Roles"]):
                yield from policy["PolicyDocument"]["Statement"]

    def waits_for(self, id: str) -> set[str]:
        """Return the resources that CloudFormation creates before the resource ``id``, directly or indirectly."""
        found: set[str] = set()
        ahead = [id]
        while ahead:
            one = self.resources[ahead.pop()]
            depends = one.get("DependsOn", [])
            named = {*references(one), *([depends] if isinstance(depends, str) else depends)}
            ahead += [name for name in named & self.resources.keys() if name not in found]
            found |= named
        return found & self.resources.keys()


def target(reference: Any) -> str:
    """Return the logical id that a ``Ref`` or ``Fn::GetAtt`` refers to."""
    return str(reference["Ref"] if "Ref" in reference else reference["Fn::GetAtt"][0])


def references(value: Any) -> Iterator[str]:
    """Yield every logical id that ``value`` refers to, at any depth."""
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
    """Return ``value`` as a list, for properties that may be one value or a list."""
    return value if isinstance(value, list) else [value]
