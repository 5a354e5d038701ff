"""domain-scheduler: reads the home page of every queued domain."""
