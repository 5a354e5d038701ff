"""A small internet on loopback: websites under their own host names, and a fake Google Places API."""
