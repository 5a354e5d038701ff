"""The command ``cost``: what the system costs."""
