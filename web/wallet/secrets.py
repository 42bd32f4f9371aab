"""The secrets of a citizen that a form brings: a device's, or a code that was typed.

They are in the body of one POST, and in nothing that is kept.
"""

from fastapi import Request

from api.limits import AddressLimits
from vault.caller import Owner, Stranger
from vault.errors import CannotUnlock, Refused
from vault.sessions import UnlockSecret
from vault.vault import Vault
from web import cookies
from web.citizen import end_quietly, goes_on_with
from web.forms import Form

RECOVERY = "recovery_code"  # the field that the code is typed into
_NAMES = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Macintosh": "Mac",
}


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
    limits: tuple[AddressLimits, str],
) -> None:
    """A fresh session in place of the one at hand, before a weighty step; the answer has it.

    Raises `CannotUnlock`, and `Refused` for a key of another vault: nothing is done to that one.
    """
    vault_id, (counted, address) = vault.overview(owner).vault_id, limits
    with counted.count_failures(address):
        started = vault.unlock(Stranger(), secret)
    if started.vault_id != vault_id:
        end_quietly(vault, started.token)
        raise Refused("This key opens another vault.", "other_vault")
    goes_on_with(request, started, secret)
    end_quietly(vault, request.cookies.get(cookies.SESSION, ""))


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
