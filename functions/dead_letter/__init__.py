"""dead-letter: sets records to Error whose work could never be started."""
