"""The function housekeeping: storage limits, once a day."""
