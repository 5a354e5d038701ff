"""The CDK app: one stack per stage. ``infra/config.py`` defines the stages and is the only file in which they differ."""

from infra.node import ROOT, choose_node

__all__ = ["ROOT"]

choose_node()  # aws_cdk starts its Node process on import, so this must run before any construct is imported
