"""What operators see: saved queries, alarms and one dashboard, all built on the names the functions emit."""
