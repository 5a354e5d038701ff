"""The command ``doctor``: find what is wrong with a database or a deployed stage, and show what repairs it."""
