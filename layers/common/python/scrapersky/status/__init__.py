"""The status machine. One verb per file; each verb is one short transition, fenced by the attempt's id."""
