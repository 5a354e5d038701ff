"""The packages behind the commands in ``scripts/``: each has the name of its command."""
