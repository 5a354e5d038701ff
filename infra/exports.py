"""The bucket of exports: private, and emptied after a day."""

from typing import cast

from aws_cdk import Acknowledgment, CfnElement, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.function import Function
from scrapersky import object_store

KEPT = Duration.days(object_store.KEPT.days)


class ExportBucket(Construct):
    """The bucket, whose files expire after a day. A file is read only by a url that the API signs."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            lifecycle_rules=[s3.LifecycleRule(expiration=KEPT, abort_incomplete_multipart_upload_after=KEPT)],
            removal_policy=RemovalPolicy.DESTROY,  # its files are gone after a day
        )
        Validations.of(self.bucket).acknowledge(
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-S1",
                reason="the API logs who asks for a file; a file has one day and a url 15 minutes",
            )
        )

    def allow(self, function: Function, *actions: str) -> None:
        """Allow ``function`` these actions on the files, and set the bucket's name."""
        files = self.bucket.arn_for_objects("*")
        function.add_to_role_policy(iam.PolicyStatement(actions=list(actions), resources=[files]))
        bucket = Stack.of(self).get_logical_id(cast(CfnElement, self.bucket.node.default_child))
        Validations.of(cast(iam.Role, function.role)).acknowledge(
            Acknowledgment(
                id=f"AwsSolutions::AwsSolutions-IAM5[Resource::<{bucket}.Arn>/*]",
                reason="the bucket has nothing but exports, whose names are random",
            )
        )
        function.add_environment("EXPORT_BUCKET", self.bucket.bucket_name)
