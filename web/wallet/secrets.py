"""The secrets of a citizen that a form brings: a device's, or a code that was typed.

They are in the body of one POST, and in nothing that is kept.
"""

from contextlib import AbstractContextManager
from typing import Annotated

from fastapi import Depends, Request

from api.credentials import Address, CountedByAddress
from vault.caller import Owner, Stranger
from vault.errors import CannotUnlock, Refused
from vault.sessions import UnlockSecret
from vault.vault import Vault
from web import cookies
from web.citizen import end_quietly, goes_on_with
from web.forms import Form

# The field that the code is typed into. Whatever is wrong with what stood there, no page has it
# again: a code with a slip is the code to whoever finds it, and it opens the vault (decision 0055).
RECOVERY = "recovery_code"
_NAMES = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Macintosh": "Mac",
}


async def _counted(limits: CountedByAddress, address: Address) -> AbstractContextManager[None]:
    return limits.count_failures(address)


CountedFailures = Annotated[AbstractContextManager[None], Depends(_counted)]
"""A block in which a secret is tried: one that does not do counts for the address it came from."""


def new_device(form: Form) -> UnlockSecret:
    """What the browser made for a new key; `CannotUnlock` where it made none."""
    return UnlockSecret.device(form.text("device_secret"))


def shown(form: Form, device: str = "device_secret") -> UnlockSecret:
    """With what the citizen opens: a device's secret where there is one, else what was typed."""
    found = form.text(device)
    return UnlockSecret.device(found) if found else UnlockSecret.recovery(form.text(RECOVERY))


def unlock_again(
    request: Request,
    vault: Vault,
    owner: Owner,
    secret: UnlockSecret,
    failures: CountedFailures,
) -> None:
    """A fresh session in place of the one at hand, before a weighty step; the answer has it.

    Raises `CannotUnlock`, and `Refused` for a key of another vault: nothing is done to that one.
    """
    vault_id = vault.overview(owner).vault_id
    with failures:
        started = vault.unlock(Stranger(), secret)
    if started.vault_id != vault_id:
        end_quietly(vault, started.token)
        raise Refused("This key opens another vault.", "other_vault")
    goes_on_with(request, started, secret)
    end_quietly(vault, request.cookies.get(cookies.SESSION, ""))


def chosen_key(form: Form) -> str:
    """Which kind of key a form is for: passkey or file."""
    return form.text("key") or "passkey"


def fault_of(error: Exception) -> str:
    """Which words a page has for a secret that did not do: a key of its templates."""
    if isinstance(error, CannotUnlock | Refused) and error.code in {"other_code", "other_vault"}:
        return error.code
    return "wrong"


def device_name(request: Request) -> str:
    """A first guess at what the citizen calls this device."""
    agent = request.headers.get("user-agent", "")
    for word, name in _NAMES.items():
        if word in agent:
            return name
    return ""
