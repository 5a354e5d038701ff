"""A small internet on loopback: websites under their own names, and a fake Google Places API."""
