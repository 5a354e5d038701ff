"""contact-scheduler: checks by DNS whether the domain of each queued e-mail address takes mail."""
