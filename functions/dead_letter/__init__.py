"""dead-letter: ends in Error what could not even be started."""
