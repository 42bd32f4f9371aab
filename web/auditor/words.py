"""What the codes of the log mean to an auditor, in English for gettext; docs/audit.md at length."""

from collections.abc import Mapping
from types import MappingProxyType

from catalogue.fields import Catalogue
from vault.registry import Snapshot
from web.names import agency_name, auditor_name, field_label
from web.papers.words import N_

ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "vault.create": N_("Vault made"),
        "vault.erase": N_("Vault erased"),
        "method.add": N_("Way to open a vault added"),
        "method.remove": N_("Way to open a vault removed"),
        "vault.unlock": N_("Vault opened"),
        "value.put": N_("Data put in by the citizen"),
        "value.deposit": N_("Data put in by an agency"),
        "offer.create": N_("Code made for an agency"),
        "grant.redeem": N_("Code used by an agency"),
        "grant.rekey": N_("Key of an access changed"),
        "grant.end": N_("Access ended"),
        "data.read": N_("Data read"),
        "data.export": N_("Data exported"),
        "log.read": N_("Log looked at"),
        "log.export": N_("Log exported"),
        "log.continue": N_("Log went on after a restore"),
        "registry.add": N_("Registration added"),
        "registry.revoke": N_("Registration withdrawn"),
        "key.rotate": N_("Key of the installation changed"),
        "calls.limited": N_("Too many calls"),
        "vault.export": N_("Vault exported by the citizen"),
        "vault.block": N_("Devices shut out by block code"),
    }
)
OUTCOMES: Mapping[str, str] = MappingProxyType(
    {"permitted": N_("Permitted"), "denied": N_("Refused"), "failed": N_("Failed")}
)
ACTORS: Mapping[str, str] = MappingProxyType(
    {
        "owner": N_("The citizen"),
        "agency": N_("Agency"),
        "source": N_("Source of data"),
        "auditor": N_("Auditor"),
        "operator": N_("Operator"),
        "system": N_("The system itself"),
    }
)
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "not_granted": N_("not shared, or without a value"),
        "use_revoked": N_("purpose withdrawn from the register"),
        "agency_revoked": N_("agency withdrawn from the register"),
        "not_registered_for": N_("more than the agency registered for"),
        "expired": N_("time of the access was over"),
        "revoked": N_("taken back by the citizen"),
        "used_up": N_("read as often as was allowed"),
        "declined": N_("declined"),
        "replayed": N_("same request sent twice"),
        "wrong_key": N_("another key than the access is bound to"),
        "wrong_agency": N_("code meant for another agency"),
        "wrong_code": N_("no such code"),
        "wrong_tx_code": N_("four digits wrong"),
        "second_use": N_("code used before"),
        "answer_lost": N_("code sent again at once by the same desk"),
        "ended": N_("ended before"),
        "offer_expired": N_("code not used in time"),
        "fields_missing": N_("needed fields not chosen"),
        "officer_required": N_("no officer named"),
        "unlock_too_old": N_("vault had to be opened anew"),
        "unconfirmed_recovery": N_("recovery code not confirmed"),
        "too_many_offers": N_("too many codes that day"),
        "erased": N_("vault erased"),
        "bad_secret": N_("secret opens no vault"),
        "limit_reached": N_("more than is allowed"),
        "unknown_grant": N_("no such access"),
        "recorded_later": N_("done before the log could be written"),
        "logout": N_("closed by the citizen"),
        "retention": N_("retention time over"),
        "assertion_replayed": N_("signed in twice with one proof"),
        "damaged": N_("stored data was changed"),
    }
)
CLOSED: Mapping[str, str] = MappingProxyType(
    {
        "erased": N_("The vault was erased. Its key is gone, so nobody can open this entry."),
        "retention": N_("Its retention time is over. Its content was removed, its place stays."),
        "missing": N_("Its content is gone, and no rule removes it so. Ask the operator."),
        "damaged": N_("Its content was changed and does not open. Ask the operator."),
    }
)
ANOMALIES: Mapping[str, str] = MappingProxyType(
    {
        "volume": N_("Many more reads than before"),
        "hours": N_("Reads at an unusual hour"),
        "officer": N_("One officer, many vaults"),
        "refusals": N_("Refused again and again"),
    }
)
LEGAL_BASES: Mapping[str, str] = MappingProxyType({"consent": N_("Consent")})


def actor_name(registry: Snapshot, kind: str, id_: str | None, language: str) -> str:
    """Who acted, by the name in the register; empty for those that have none."""
    if id_ is None:
        return ""
    name = auditor_name if kind == "auditor" else agency_name
    return name(registry, id_, language)


def field_labels(catalogue: Catalogue, names: tuple[str, ...], language: str) -> tuple[str, ...]:
    return tuple(field_label(catalogue, name, language) for name in names)
