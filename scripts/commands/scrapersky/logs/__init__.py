"""Runs the saved queries of ``infra/queries`` from a terminal."""
