"""Compares the facts that are read from a corpus of real websites with the truth about them."""
