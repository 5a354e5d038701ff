"""The part of SARIF 2.1.0 that the audit writes, as strict as OASIS' schema: its required properties, its words, no others."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Level = Literal["none", "note", "warning", "error"]
Line = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Message(_Strict):
    """``message`` and ``multiformatMessageString``: a text is required."""

    text: Annotated[str, Field(min_length=1)]


class Configuration(_Strict):
    """``reportingConfiguration``."""

    level: Level


class Rule(_Strict):
    """``reportingDescriptor``: an id is required."""

    id: str
    name: str
    shortDescription: Message
    fullDescription: Message
    help: Message
    defaultConfiguration: Configuration


class Driver(_Strict):
    """``toolComponent``: a name is required; rules are unique."""

    name: Annotated[str, Field(min_length=1)]
    version: str
    informationUri: Annotated[str, Field(pattern=r"^https://")]
    rules: list[Rule]


class Tool(_Strict):
    """``tool``: a driver is required."""

    driver: Driver


class ArtifactLocation(_Strict):
    """``artifactLocation``: a uri reference, so without spaces and backslashes."""

    uri: Annotated[str, Field(pattern=r"^[^\s\\]+$")]
    uriBaseId: str | None = None


class Region(_Strict):
    """``region``: lines and columns count from 1."""

    startLine: Line
    startColumn: Line


class PhysicalLocation(_Strict):
    """``physicalLocation``: an artifact is required."""

    artifactLocation: ArtifactLocation
    region: Region


class Location(_Strict):
    """``location``."""

    physicalLocation: PhysicalLocation


class RelatedLocation(Location):
    """``location`` with a message."""

    message: Message


class Properties(BaseModel):
    """``propertyBag``: anything."""


class Result(_Strict):
    """``result``: a message is required."""

    ruleId: str
    ruleIndex: Annotated[int, Field(ge=-1)]
    level: Level
    message: Message
    locations: list[Location]
    relatedLocations: list[RelatedLocation]
    partialFingerprints: dict[str, str]
    properties: Properties


class Notification(_Strict):
    """``notification``: a message is required."""

    level: Level
    message: Message
    locations: list[Location]


class BaseUri(_Strict):
    """``artifactLocation`` of a base: its uri ends with a slash."""

    uri: Annotated[str, Field(pattern=r"^file:///.*/$")]


class Invocation(_Strict):
    """``invocation``: whether it succeeded is required."""

    executionSuccessful: bool
    toolExecutionNotifications: list[Notification]


class Run(_Strict):
    """``run``: a tool is required."""

    tool: Tool
    columnKind: Literal["utf16CodeUnits", "unicodeCodePoints"]
    invocations: list[Invocation]
    originalUriBaseIds: dict[str, BaseUri]
    results: list[Result]
    properties: Properties


class Log(_Strict):
    """The file: version and runs are required."""

    schema_: Annotated[str, Field(alias="$schema", pattern=r"^https://")]
    version: Literal["2.1.0"]
    runs: list[Run]
