"""Deploy a synthesized stack into the emulated AWS, as ``cdk deploy`` would, in under a second.

With a cloud assembly the CDK CLI does little: it uploads the assets that the manifest lists, and creates the stack from the
template. The bootstrap stack that it relies on is an S3 bucket and a version number in SSM.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from scripts.commands.run.emulator import ACCOUNT, REGION, Aws

BOOTSTRAP_VERSION_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION = "30"
DEPLOY_TIMEOUT_SECONDS = 180


class DeploymentError(RuntimeError):
    """The stack could not be created; the message lists what failed and why."""


@dataclass(frozen=True)
class Asset:
    """A file to upload: where it is in the assembly, and where the template expects it."""

    source: Path
    bucket: str
    key: str

    def read(self) -> bytes:
        """Return the file, or a zip of the folder."""
        return _zip(self.source) if self.source.is_dir() else self.source.read_bytes()


def put_secret(aws: Aws, name: str, value: Mapping[str, Any] | str) -> None:
    """Create the secret ``name``."""
    text = value if isinstance(value, str) else json.dumps(value)
    aws.client("secretsmanager").create_secret(Name=name, SecretString=text)


def deploy(aws: Aws, assembly: Path, stack: str) -> Mapping[str, str]:
    """Create ``stack`` from ``assembly`` and wait for it; return its outputs. Raises :class:`DeploymentError`."""
    s3 = aws.client("s3")
    aws.client("ssm").put_parameter(Name=BOOTSTRAP_VERSION_PARAMETER, Value=BOOTSTRAP_VERSION, Type="String")
    template_url = ""
    buckets: set[str] = set()
    for asset in assets(assembly, stack):
        if asset.bucket not in buckets:
            s3.create_bucket(Bucket=asset.bucket)
            buckets.add(asset.bucket)
        body = asset.read()
        if asset.source.name == f"{stack}.template.json":
            template_url = f"{aws.endpoint}/{asset.bucket}/{asset.key}"
            body = with_local_api_urls(body, aws.endpoint)
        s3.put_object(Bucket=asset.bucket, Key=asset.key, Body=body)
    if not template_url:
        raise DeploymentError(f"{assembly} holds no template of {stack}")
    return _create(aws, stack, template_url)


def _create(aws: Aws, stack: str, template_url: str) -> Mapping[str, str]:
    cloudformation = aws.client("cloudformation")
    try:
        cloudformation.create_stack(
            StackName=stack,
            TemplateURL=template_url,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            OnFailure="DO_NOTHING",
        )
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=stack, WaiterConfig={"Delay": 0.2, "MaxAttempts": DEPLOY_TIMEOUT_SECONDS * 5}
        )
    except (ClientError, WaiterError) as error:
        raise DeploymentError(f"{stack} could not be created: {error}\n{_failures(aws, stack)}") from None
    (description,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])}


def assets(assembly: Path, stack: str) -> Iterator[Asset]:
    """Yield what ``<stack>.assets.json`` lists."""
    manifest = json.loads((assembly / f"{stack}.assets.json").read_bytes())
    for file in manifest["files"].values():
        for destination in file["destinations"].values():
            yield Asset(
                source=assembly / file["source"]["path"],
                bucket=_here(destination["bucketName"]),
                key=_here(destination["objectKey"]),
            )


def with_local_api_urls(template: bytes, endpoint: str) -> bytes:
    """Return ``template`` with the URL of each HTTP API in its outputs replaced by the one that works on this machine.

    The emulated AWS gives an API a host name that no resolver knows, and serves it below a path of its own port.
    """
    parsed = json.loads(template)
    for output in parsed.get("Outputs", {}).values():
        api, _, attribute = ".".join(output["Value"].get("Fn::GetAtt", ())).partition(".")
        if attribute == "ApiEndpoint":
            output["Value"] = {"Fn::Join": ["", [f"{endpoint}/_aws/execute-api/", {"Ref": api}, "/$default"]]}
    return json.dumps(parsed).encode()


def _here(text: str) -> str:
    return (
        text.replace("${AWS::AccountId}", ACCOUNT)
        .replace("${AWS::Region}", REGION)
        .replace("${AWS::Partition}", "aws")
        .replace("current_account", ACCOUNT)
        .replace("current_region", REGION)
    )


def _zip(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder))
    return packed.getvalue()


def _failures(aws: Aws, stack: str) -> str:
    try:
        events = aws.client("cloudformation").describe_stack_events(StackName=stack)
    except ClientError:
        return ""
    return "\n".join(
        f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"
        for event in reversed(events["StackEvents"])
        if "FAILED" in event["ResourceStatus"]
    )
