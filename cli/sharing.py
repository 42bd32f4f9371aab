"""Why a share was refused, in words that say what to change."""

from collections.abc import Mapping
from typing import Any

from cli.citizen import Choice, Citizen
from cli.errors import CliError, Refused
from cli.profile import again
from vault.settings import DAY_SECONDS, Settings

_DAYS_MAX = Settings.model_fields["grant_seconds_max"].default // DAY_SECONDS
_READS_MAX = Settings.model_fields["reads_max"].default


def share(citizen: Citizen, choice: Choice) -> dict[str, Any]:
    """Makes the offer; a refusal says which limit, which fields, or what to do first."""
    try:
        return citizen.offer(choice)
    except Refused as refused:
        more = _more(citizen, choice, refused.code)
        if not more:
            raise
        message = f"{refused.message} {more}"
        raise Refused(refused.code, message, refused.status_code) from None


def _more(citizen: Citizen, choice: Choice, code: str) -> str:
    name = citizen.profile.name
    match code:
        case "fields_missing" | "not_registered_for":
            return _about_fields(citizen, choice)
        case "limit_reached":
            return _about_limits(choice)
        case "too_many_offers":
            return "The limit is a number of codes in 24 hours."
        case "unknown_field":
            return f"See them all: {again('kluis wallet fields', name)}"
        case "agency_revoked" | "use_revoked":
            return f"See who may ask, and for what: {again('kluis wallet agencies', name)}"
        case "unconfirmed_recovery":
            return again("kluis wallet confirm", name)
        case "unlock_too_old":
            return again("kluis wallet unlock", name)
    return ""


def _about_limits(choice: Choice) -> str:
    """The server does not say which; where one is plainly too much, that one is named."""
    time_over = choice.duration_seconds > _DAYS_MAX * DAY_SECONDS
    reads_over = choice.reads is not None and choice.reads > _READS_MAX
    too_long = f"--for: at most {_DAYS_MAX} days, or less if the operator set so."
    too_many = f"--reads: at most {_READS_MAX}, or less if the operator set so."
    if choice.reads is None or (time_over and not reads_over):
        return too_long
    if reads_over and not time_over:
        return too_many
    return f"{too_long} {too_many}"


def _about_fields(citizen: Citizen, choice: Choice) -> str:
    """Which fields are wrong, by the public register; nothing where it can't be asked."""
    try:
        found = citizen.agencies()
    except CliError:
        return ""
    fields = _fields_of_use(found, choice)
    if fields is None:
        return ""
    registered = {each["id"] for each in fields}
    needed = [each["id"] for each in fields if each.get("mandatory")]
    missing = [name for name in needed if name not in choice.fields]
    foreign = [name for name in choice.fields if name not in registered]
    parts = [f"Missing: {', '.join(missing)}."] if missing else []
    parts += [f"Not registered for this use: {', '.join(foreign)}."] if foreign else []
    return " ".join(parts)


def _fields_of_use(found: Mapping[str, Any], choice: Choice) -> list[dict[str, Any]] | None:
    for agency in found.get("agencies", []):
        for use in agency.get("intended_uses") or agency.get("uses") or []:
            if (agency.get("id"), use.get("id")) == (choice.agency, choice.use):
                return list(use["fields"])
    return None
