"""Cold starts: a fresh process imports a handler and answers its first event."""
