"""Fuzz tests for every reader of external bytes. ``scripts/fuzz`` runs them."""
