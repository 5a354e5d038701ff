"""The fuzz targets, one per file."""
