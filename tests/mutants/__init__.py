"""Mutants: remove each guard in turn from a copy of the code. A test must fail for each."""
