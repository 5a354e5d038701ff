"""The operators' console: pages rendered by this function. Links are relative, so that any prefix works.

It decides nothing itself: pages read what the API and the manual payloads read, and forms call the functions that the
API's routes call. Authorised apart: ``GET /console/…`` to look, ``POST /console/…`` to act.
"""
