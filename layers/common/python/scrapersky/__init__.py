"""ScraperSky's shared layer: models, the status machine, the service runtime and the guarded web client.

Dependencies point one way, checked by import-linter: ``service → status → models``; ``web`` knows neither.
"""
