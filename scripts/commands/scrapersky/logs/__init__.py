"""The command ``logs``: run the saved queries of ``infra/queries``."""
