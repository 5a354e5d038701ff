"""The status machine alone: contenders that take each record and finish it, and do nothing else.

Each is a module with the same functions, run in a process of its own: ``prepare`` (queue the records), ``work`` (drain,
and return the records worked on), ``claims`` (the duration of each claim), ``done`` (the records that the database calls done).
"""
