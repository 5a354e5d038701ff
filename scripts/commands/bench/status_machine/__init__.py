"""The status machine alone: contenders that do nothing with each record but take it and finish it.

Each is a module with the same verbs, run in a process of its own: ``prepare`` (queue the records), ``work`` (drain, and
say which records were worked on), ``claims`` (how long each claim took), ``judge`` (what the database says in the end).
"""
