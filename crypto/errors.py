"""The errors that leave this package. None carries the input that caused it."""


class CryptoError(Exception):
    """Base of every error of this package."""


class CannotOpen(CryptoError):
    """A box, seal or key did not open. Why is never said: a reason would be an oracle."""

    def __init__(self) -> None:
        super().__init__("cannot open")


class Malformed(CryptoError):
    """Input that this package would never have written. `what` names the shape, not the content."""

    def __init__(self, what: str) -> None:
        super().__init__(f"malformed {what}")
        self.what = what


class BadToken(CryptoError):
    """A JOSE token that fails one check of `crypto.jose`. `check` names the check."""

    def __init__(self, check: str) -> None:
        super().__init__(f"token refused: {check}")
        self.check = check
