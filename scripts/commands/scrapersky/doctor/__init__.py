"""``scripts/doctor``: finds what is wrong with a database or a deployed stage, and says how to mend it."""
