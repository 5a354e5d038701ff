"""The background service page-scheduler."""
