"""What a command says when it stops: a stable code, plain words, an exit status.

    0  it was done            1  it was refused, or it failed
    2  the command was used wrongly, or it can't be said (`kluis audit verify` without a log)

With `--json` the error is the one object on standard output: {"error": {"code", "message"}}.
"""

FAILED, WRONG_USE = 1, 2


class CliError(Exception):
    """Ends a command. The message is for people and never holds a secret."""

    status = FAILED

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Failed(CliError):
    """It was tried, and it did not work."""


class Refused(CliError):
    """A server refused. `status_code` is the HTTP status, `code` the server's own."""

    def __init__(self, code: str, message: str, status_code: int) -> None:
        super().__init__(code, message)
        self.status_code = status_code


class WrongUse(CliError):
    """Something about the command itself is wrong; nothing was tried."""

    status = WRONG_USE

    def __init__(self, message: str, code: str = "wrong_use") -> None:
        super().__init__(code, message)


class CannotSay(CliError):
    """There is no answer to the question, neither yes nor no."""

    status = WRONG_USE
