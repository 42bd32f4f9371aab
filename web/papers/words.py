"""What the codes of the log mean, and those of an import, in English for gettext. Of the log,
docs/citizens.md says the same at length.

`N_` marks a text that is translated where it is shown.
"""

from collections.abc import Mapping
from types import MappingProxyType


def N_(text: str) -> str:  # noqa: N802 - the name that extractors of gettext know
    return text


ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "vault.create": N_("Your vault was made"),
        "vault.erase": N_("Your vault was erased"),
        "method.add": N_("A way to open your vault was added"),
        "method.remove": N_("A way to open your vault was taken away"),
        "vault.unlock": N_("Your vault was opened"),
        "value.put": N_("You put data in"),
        "value.deposit": N_("An office put data in"),
        "offer.create": N_("You made a code for an office"),
        "grant.redeem": N_("An office used your code"),
        "grant.rekey": N_("An office changed its key"),
        "grant.end": N_("Access ended"),
        "data.read": N_("An office read your data"),
        "data.export": N_("Your data was exported"),
        "log.read": N_("The activity was looked at"),
        "log.export": N_("The log was exported"),
        "log.continue": N_("The log went on after a restore"),
        "registry.add": N_("An office was registered"),
        "registry.revoke": N_("A registration was withdrawn"),
        "key.rotate": N_("A key of the vault was renewed"),
        "calls.limited": N_("There were too many calls"),
        "vault.export": N_("You took a copy of your data"),
        "vault.block": N_("All devices were shut out with the block code"),
    }
)

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "not_granted": N_("you did not share this, or it has no value"),
        "use_revoked": N_("the office may not ask for this purpose any more"),
        "agency_revoked": N_("the office may not ask here any more"),
        "not_registered_for": N_("the office did not say beforehand that it needs this"),
        "expired": N_("the time you gave was over"),
        "revoked": N_("you took it back"),
        "used_up": N_("it was read as often as you allowed"),
        "declined": N_("you or the office said no"),
        "replayed": N_("the same request came a second time"),
        "wrong_key": N_("it came from another computer than the one that used your code"),
        "wrong_agency": N_("the code was meant for another office"),
        "wrong_code": N_("there is no such code"),
        "wrong_tx_code": N_("the four digits were wrong"),
        "second_use": N_("the code had been used before"),
        "answer_lost": N_("the same desk sent the code again at once"),
        "ended": N_("it had ended before"),
        "offer_expired": N_("nobody used the code in time"),
        "fields_missing": N_("something that the office needs was not chosen"),
        "officer_required": N_("the office did not say which person asks"),
        "unlock_too_old": N_("the vault had to be opened again first"),
        "unconfirmed_recovery": N_("the recovery code was not typed over yet"),
        "too_many_offers": N_("there were too many codes that day"),
        "erased": N_("the vault was erased"),
        "bad_secret": N_("what was given does not open the vault"),
        "limit_reached": N_("it was longer or more than is allowed"),
        "unknown_grant": N_("there is no such access"),
        "recorded_later": N_("it was done before the log could be written"),
        "logout": N_("you closed the vault"),
        "retention": N_("the time to keep it was over"),
        "assertion_replayed": N_("the office signed in twice with the same proof"),
        "damaged": N_("somebody changed what is stored"),
    }
)

# Why a value of a register is left out of an import, by the catalogue's code (docs/catalogue.md).
_LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "bad_date": N_("there is no such day"),
        "date_to_come": N_("this day is still to come"),
        "date_too_long_ago": N_("this is more than 130 years ago"),
        "too_long": N_("this is too long"),
    }
)
_OTHERWISE = N_("this can't be kept as it stands there")


def why_left_out(code: str) -> str:
    """In English for gettext."""
    return _LEFT_OUT.get(code, _OTHERWISE)
