"""An agency's client: what `kluis desk` does. It redeems codes by the pre-authorized code grant of
OpenID4VCI, and reads with the access that they give; `cli/signing_in.py` is how it signs in.
"""

import hashlib
import re
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from cli.client import Server
from cli.errors import Failed, Refused, WrongUse
from cli.files import write_private
from cli.signing_in import Body, Client
from crypto.jose import generate_key

_DATA_PATH = "/v1/data"
_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
_PLACE = re.compile(r"^index ([0-9]{1,19})$", re.ASCII | re.MULTILINE)
_RECEIPT_CHARACTERS_MAX = 524_288
_CODE_PREFIX, _CODE_CHARACTERS = "VG1", 34
_CODE_ALPHABET = frozenset("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_LOOKALIKES = str.maketrans("OIL", "011", " -\t")


class Counter(Client):
    """One desk of an agency. `receipt`: where that of the last answer was kept."""

    receipt: Path | None = None

    def redeem(self, code: str, tx_code: str | None = None) -> Body:
        """Exchanges a citizen's code for access, once.

        The key that the access is bound to is new for each code, and the same when one code is
        presented again: so the server can tell a lost answer from a stolen code.
        """
        self._key()  # what is missing in the profile is told before it is changed
        self._url()
        self._agency()
        code = checked_code(code)
        code_hash = hashlib.sha256(code.encode()).hexdigest()
        code_key = self.state.code_key
        if self.state.code_hash != code_hash or code_key is None:
            code_key = generate_key()
            self.state.code_key, self.state.code_hash = code_key, code_hash
            self.profile.save(self.state)  # before it is sent: an answer can get lost
        form = {"grant_type": _GRANT_TYPE, "pre-authorized_code": code}
        if tx_code is not None:
            form["tx_code"] = tx_code
        try:
            given = self._ask_token(code_key, form)
        except Refused as refused:
            raise _about_tx_code(refused, tx_code) from None
        self.state.token, self.state.proof_key = given["access_token"], code_key
        self.state.fields = granted_fields(given)
        self.state.ends = _instant_in(given.get("expires_in"))
        self.profile.save(self.state)
        self._keep_receipt(given)
        return given

    def read(self, fields: Sequence[str], officer: str | None = None) -> Body:
        """Reads granted fields with the access that was redeemed last."""
        token, key = self.state.token, self.state.proof_key
        if token is None or key is None:
            raise Failed("no_access", f"Nothing was redeemed yet: {self._again('redeem CODE')}")

        query = {"fields": ",".join(fields)}
        extra = {} if officer is None else {"officer": officer}

        def send(server: Server, nonce: str | None) -> httpx.Response:
            headers = self._headers(key, token, _DATA_PATH, nonce, **extra)
            return server.raw("GET", _DATA_PATH, query=query, headers=headers)

        given = self._send(send).body
        self._keep_receipt(given)
        return given

    def _keep_receipt(self, given: Body) -> None:
        """Keeps an answer's receipt in the profile's folder, under its place in the log."""
        text = str(given.get("receipt", ""))[:_RECEIPT_CHARACTERS_MAX]
        found = _PLACE.search(text)
        if found is not None:
            self.receipt = self.profile.path.with_suffix("") / f"{found[1]}.tlog-proof"
            write_private(self.receipt, text.encode())


def checked_code(text: str) -> str:
    """A code as typed, in its plain form. A code that can't be whole is not sent.

    Whether every character is the right one only the server can tell.
    """
    plain = text.upper().translate(_LOOKALIKES)
    rest = plain.removeprefix(_CODE_PREFIX)
    if rest == plain:
        what = "A code begins with VG1."
    elif len(rest) != _CODE_CHARACTERS:
        what = f"After VG1 come {_CODE_CHARACTERS} letters and digits; here are {len(rest)}."
    elif not set(rest) <= _CODE_ALPHABET:
        what = "A code has only digits and letters, and never a U."
    else:
        return plain
    raise WrongUse(f"This code was not typed right. {what} Nothing was sent.", "mistyped_code")


def _about_tx_code(refused: Refused, tx_code: str | None) -> Refused:
    """What a desk can do where the spoken code may be what is wrong."""
    message = refused.message
    if refused.code == "invalid_request" and "tx_code" in message:
        if tx_code is None:
            message = "Ask the citizen for the four digits: --tx-code. Nothing was used up."
        else:
            message = "This code has no four digits: leave --tx-code out. Nothing was used up."
    elif refused.code == "invalid_grant" and tx_code is not None:
        message += (
            " If only the four digits were wrong, the same code may work with the right ones: "
            "three tries in all."
        )
    return Refused(refused.code, message, refused.status_code)


def granted_fields(given: Body) -> list[str]:
    """The fields that a token answer grants (RFC 9396 §7)."""
    details = given.get("authorization_details")
    found = [
        name
        for one in (details if isinstance(details, list) else [])
        if isinstance(one, dict)
        for name in one.get("datatypes") or one.get("fields") or []
    ]
    return [str(name) for name in found]


def _instant_in(seconds: object) -> str | None:
    if not isinstance(seconds, int):
        return None
    at = time.gmtime(time.time() + seconds)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", at)
