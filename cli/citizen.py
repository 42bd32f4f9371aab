"""A citizen's client: what `kluis wallet` does, over HTTP, with one profile.

A device secret is made here and written down before it is sent: whatever breaks on the way, the
vault that may have been made can be opened.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from cli.client import Answer, Server, checked_url
from cli.errors import Failed, Refused, WrongUse
from cli.profile import Profile, WalletState, again, wallet_profile

_DEVICE_SECRET_BYTES = 32
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a citizen shares. `reads` None: as often as the agency needs until it ends."""

    agency: str
    use: str
    fields: Sequence[str]
    duration_seconds: int
    reads: int | None = None
    follow: bool = False
    tx_code: bool = False
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class Unlock:
    """A secret that opens a vault, as the server wants it."""

    body: Mapping[str, str] = field(repr=False)

    @classmethod
    def device(cls, device_secret: str) -> "Unlock":
        return cls({"device_secret": device_secret})

    @classmethod
    def recovery(cls, code: str) -> "Unlock":
        return cls({"recovery_code": code})


class Citizen:
    """One vault, by the profile that knows it. Every method is one request, but for `create`."""

    def __init__(self, name: str, url: str | None = None) -> None:
        self.profile: Profile[WalletState] = wallet_profile(name)
        if self.profile.exists:
            self.state = self.profile.load()
            if url is not None and checked_url(url) != self.state.url:
                raise WrongUse(
                    f"Profile {name!r} belongs to {self.state.url}. Its secrets go nowhere else: "
                    "use another --profile for another server."
                )
        elif url is None:
            raise WrongUse(
                f"There is no profile {name!r} yet. Make a vault: "
                + again("kluis wallet create --url ...", name)
            )
        else:
            self.state = WalletState(url=checked_url(url))
        self._server = Server(self.state.url)

    # The vault itself

    def create(
        self, invitation: str | None = None, make: Callable[[Body], Body] | None = None
    ) -> Body:
        """Makes a vault with a new device secret; the answer holds the recovery code, once.

        `make` makes it from the request's body some other way than over HTTP: at the counter.
        """
        if self.profile.exists:
            raise Failed(
                "profile_in_use",
                f"Profile {self.profile.name!r} has a vault already; nothing was changed. Open it "
                f"with {self._unlock()}, or make another with another --profile.",
            )
        self.state.device_secret = new_device_secret()
        self.profile.save(self.state)
        body = dict(Unlock.device(self.state.device_secret).body)
        if invitation is not None:
            body["invitation"] = invitation
        try:
            made = (make or self._make)(body)
        except Failed as failed:
            if failed.code == "unreachable":
                self.profile.remove()  # nothing was sent
            raise
        except Refused as refused:
            if refused.status_code < 500:
                self.profile.remove()  # no vault was made
            raise
        self._remember(made)
        return made

    def _make(self, body: Body) -> Body:
        return self._server.call("POST", "/v1/vaults", json=body).body

    def unlock(self, unlock: Unlock | None = None) -> Body:
        """Begins a session, with this device's secret or the given one."""
        if unlock is None:
            unlock = self._own_device()
        with _recovery_in_words(unlock):
            opened = self._server.call("POST", "/v1/sessions", json=unlock.body).body
        self._remember(opened)
        return opened

    def lock(self) -> None:
        """Ends the session, there and here."""
        self._call("DELETE", "/v1/sessions/current")
        self._forget_session()

    def confirm(self, recovery_code: str) -> None:
        unlock = Unlock.recovery(recovery_code)
        with _recovery_in_words(unlock):
            self._call("POST", "/v1/vault/recovery", json=unlock.body)

    def block(self, block_code: str) -> Body:
        """Shuts every device out; takes no session."""
        return self._server.call("POST", "/v1/block", json={"block_code": block_code}).body

    def overview(self) -> Body:
        return self._call("GET", "/v1/vault").body

    def erase(self) -> Answer:
        """Erases the vault, and then the profile."""
        answer = self._call("DELETE", "/v1/vault")
        self.profile.remove()
        return answer

    def add_recovery(self, unlock: Unlock | None = None) -> Body:
        """A further recovery code, shown once."""
        return self._add({"unlock": dict((unlock or self._own_device()).body)})

    def add_device(self, profile: str, unlock: Unlock | None = None) -> Body:
        """Lets another profile, or this one, open the vault with a device secret of its own."""
        other: Profile[WalletState] = wallet_profile(profile)
        this = profile == self.profile.name
        if (other.exists and not this) or (this and self.state.device_secret):
            raise Failed(
                "profile_in_use", f"Profile {profile!r} can open a vault already. Choose another."
            )
        opening = (unlock or self._own_device()).body
        state = self.state if this else WalletState(url=self.state.url, vault=self.state.vault)
        state.device_secret = new_device_secret()
        other.save(state)  # before it is sent: an answer can get lost
        body: Body = {"unlock": dict(opening), "device_secret": state.device_secret}
        try:
            return self._add(body)
        except Refused:
            state.device_secret = None
            other.save(state) if this else other.remove()
            raise

    def remove_method(self, method: str) -> None:
        self._call("DELETE", f"/v1/vault/methods/{_part(method)}")

    # Data

    def catalogue(self) -> Body:
        return self._server.call("GET", "/v1/catalogue").body

    def values(self) -> Body:
        return self._call("GET", "/v1/values").body

    def put(self, values: Sequence[Mapping[str, Any]]) -> Body:
        return self._call("POST", "/v1/values", json={"values": list(values)}).body

    def history(self, name: str) -> Body:
        return self._call("GET", f"/v1/values/{_part(name)}").body

    # Sharing

    def agencies(self) -> Body:
        return self._server.call("GET", "/v1/agencies").body

    def offer(self, choice: Choice) -> Body:
        body: Body = {
            "agency": choice.agency,
            "use": choice.use,
            "fields": list(choice.fields),
            "duration_seconds": choice.duration_seconds,
            "follow": choice.follow,
            "tx_code": choice.tx_code,
        }
        if choice.reads is not None:
            body["reads"] = choice.reads
        if choice.replaces is not None:
            body["replaces"] = choice.replaces
        return self._call("POST", "/v1/offers", json=body).body

    def grants(self) -> Body:
        return self._call("GET", "/v1/grants").body

    def revoke(self, grant: str) -> Answer:
        return self._call("DELETE", f"/v1/grants/{_part(grant)}")

    def activity(self, query: Mapping[str, str] | None = None) -> Body:
        """One page."""
        return self._call("GET", "/v1/me/activity", query=query).body

    def acknowledge(self, entry: str) -> None:
        self._call("POST", f"/v1/me/activity/{_part(entry)}/acknowledge")

    def remember_check(self, checked: Body) -> None:
        """What the next check of the log has to go on from."""
        self.state.checked = checked
        self.profile.save(self.state)

    # How

    def _call(
        self,
        method: str,
        path: str,
        json: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        if self.state.session is None:
            raise Failed("session_ended", f"The vault is locked. Open it: {self._unlock()}")
        headers = {"Authorization": f"Bearer {self.state.session}"}
        try:
            return self._server.call(method, path, json=json, query=query, headers=headers)
        except Refused as refused:
            if refused.code == "session_ended" or refused.status_code == 401:
                self._forget_session()
                message = f"{refused.message} Open it again: {self._unlock()}"
                raise Refused(refused.code, message, refused.status_code) from None
            raise

    def _unlock(self) -> str:
        return again("kluis wallet unlock", self.profile.name)

    def _add(self, body: Body) -> Body:
        with _recovery_in_words(Unlock(body["unlock"])):
            return self._server.call("POST", "/v1/vault/methods", json=body).body

    def _own_device(self) -> Unlock:
        if self.state.device_secret is None:
            raise Failed(
                "no_device_secret",
                "This profile has no device secret. Use the recovery code: --recovery",
            )
        return Unlock.device(self.state.device_secret)

    def _remember(self, opened: Body) -> None:
        session = opened.get("session")
        if not isinstance(session, dict) or not isinstance(session.get("token"), str):
            raise Failed("not_a_vault", f"{self.state.url} does not answer like a vault.")
        self.state.vault, self.state.session = opened.get("vault"), session["token"]
        self.profile.save(self.state)

    def _forget_session(self) -> None:
        self.state.session = None
        if self.profile.exists:
            self.profile.save(self.state)


@contextmanager
def _recovery_in_words(unlock: Unlock) -> Iterator[None]:
    """A recovery code that opens nothing was most likely mistyped: what to do about it."""
    try:
        yield
    except Refused as refused:
        wrong = refused.code in ("cannot_unlock", "wrong_recovery_code")
        if not wrong or "recovery_code" not in unlock.body:
            raise
        message = (
            "This recovery code does not open this vault. Check each group of five on your paper, "
            "and type it again."
        )
        raise Refused(refused.code, message, refused.status_code) from None


def new_device_secret() -> str:
    """32 random bytes in base64url, as a phone's key store would hold them."""
    return secrets.token_urlsafe(_DEVICE_SECRET_BYTES)


def _part(text: str) -> str:
    """What a person typed, as one part of a path and nothing more."""
    if not text or text in (".", ".."):
        raise WrongUse(f"{text!r} is no id.")
    return quote(text, safe="")
