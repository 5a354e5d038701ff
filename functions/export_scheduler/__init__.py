"""The background service export-scheduler."""
