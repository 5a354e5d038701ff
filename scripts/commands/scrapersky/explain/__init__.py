"""``scripts/explain``: one record's story, from a database or from a stage."""
