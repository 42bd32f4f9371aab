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


class BadRegistration(CatalogueFault):
    """A registration that is not accepted. `path` names the place: `intended_uses[0].why.nl`."""

    code = "bad_registration"

    def __init__(self, path: str, why: str) -> None:
        self.message = f"{path or 'the document'}: {why}"
        super().__init__(self.message)
        self.path = path
        self.why = why
