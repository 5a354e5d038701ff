"""The stack: what stands in an AWS account, per stage. ``infra/config.py`` is the only file where stages differ."""

from infra.node import choose_node

choose_node()  # aws_cdk starts its Node process when it is imported, so this comes before every construct
