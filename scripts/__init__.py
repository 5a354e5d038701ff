"""The operator's and developer's commands."""
