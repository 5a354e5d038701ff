"""What the API shows of each kind of record."""
