"""Chaos: a strict simulator of SQS and Lambda, in which processes, network and database fail while the services run."""
