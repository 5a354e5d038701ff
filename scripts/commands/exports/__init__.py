"""Exports: all records that match a filter, as a file for a program or a person."""
