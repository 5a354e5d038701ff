"""Trouble that a person at the command line can act on."""


class Trouble(RuntimeError):
    """The command could not be carried out; the message says what, why, and what would be right."""


class Refused(Trouble):
    """The service answered with an error: the payload was wrong, or what was asked cannot be done."""
