"""The errors that leave this package: a stable code, and words that never repeat the input."""


class CatalogueFault(Exception):
    """Base of every error of this package."""

    code = "catalogue"

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code or type(self).code


class BadInput(CatalogueFault):
    """A value, date or register answer that is not what it must be."""

    code = "bad_input"
