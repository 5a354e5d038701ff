"""Benchmarks: each is one command that measures all contenders in one run and prints tables."""
