"""Benchmarks: each one command, all contenders interleaved in one run, a table, a JSON file, charts and a page."""
