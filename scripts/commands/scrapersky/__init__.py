"""The operator's command line, ``scripts/scrapersky``."""
