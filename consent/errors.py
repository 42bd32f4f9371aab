"""The errors that leave this package. Each has a stable code; none holds what was sent."""


class ConsentError(Exception):
    """Base of every error of this package. `code` never changes; the message may."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class InvalidProof(ConsentError):
    """A DPoP proof that fails one check (RFC 9449 §4.3). `check` names the check."""

    def __init__(self, check: str) -> None:
        super().__init__("invalid_dpop_proof", f"the DPoP proof is refused: {check}")
        self.check = check


class InvalidClient(ConsentError):
    """A client assertion that fails one check (RFC 7523 §3). `check` names the check."""

    def __init__(self, check: str) -> None:
        super().__init__("invalid_client", f"the client assertion is refused: {check}")
        self.check = check
