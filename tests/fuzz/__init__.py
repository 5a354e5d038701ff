"""Fuzzing: broken input for everything that reads bytes of strangers, and what must hold whatever they are."""
