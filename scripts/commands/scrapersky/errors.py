"""Errors that the person at the command line can act on."""


class CommandError(RuntimeError):
    """The command cannot be carried out. The message says what is wrong, with the value, and what is valid."""


class InvalidCommand(CommandError):
    """The command itself is not valid; nothing was sent."""


class Refused(CommandError):
    """The service answered with an error: the payload is invalid, or the request cannot be served."""
