"""The system as a discrete-event model: ticks, queue, environments, processor and database, at any size, in seconds."""
