"""What the system costs: dollars per million records, and a month's fixed cost."""
