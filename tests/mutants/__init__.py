"""Mutants: each guard is removed in turn on a copy of the code, and a test must fail for it."""
