"""Data protection: suppression, access and erasure, and storage limits (docs/explanation/data-protection.md)."""
