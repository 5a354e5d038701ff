"""ScraperSky's shared layer: models, the status machine, the service runtime and the guarded web client.

import-linter checks that dependencies point one way: runtime → status and politeness → models, web and database →
settings, errors and vocabulary.
"""
