"""The status machine: one verb per file, each one short, fenced transition."""
