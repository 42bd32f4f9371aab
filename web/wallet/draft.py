"""What a citizen has chosen so far: nothing secret, so it travels in addresses and forms."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

from catalogue.registration import Agency, IntendedUse
from vault.errors import BadInput, NotFound
from vault.offering import Choice
from vault.vault import Vault
from web.forms import Form
from web.pages import OpenedVault
from web.wallet.shown import ShownGrant

DURATIONS_SECONDS = (3600, 86_400, 7 * 86_400, 30 * 86_400, 365 * 86_400)
READS = (1, 5, 0)  # 0: any number
_SECONDS_MAX = 10**9  # what can be said in words; what may be is the vault's to say


@dataclass(frozen=True, slots=True)
class Draft:
    """One agency, one use, and what of it the citizen wants."""

    agency: Agency
    use: IntendedUse
    fields: tuple[str, ...]
    seconds: int
    reads: int
    follow: bool
    tx_code: bool

    @property
    def mandatory(self) -> tuple[str, ...]:
        return tuple(one.id for one in self.use.fields if one.mandatory)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The mandatory ones are always in, in the order of the use."""
        wanted = {*self.fields, *self.mandatory}
        return tuple(one.id for one in self.use.fields if one.id in wanted)

    @property
    def query(self) -> str:
        """All of it, as an address holds it."""
        held: list[tuple[str, object]] = [("agency", self.agency.id), ("use", self.use.id)]
        held += [("fields", name) for name in self.fields]
        held += [("seconds", self.seconds), ("reads", self.reads)]
        held += [("follow", "1")] * self.follow + [("tx_code", "1")] * self.tx_code
        return urlencode(held)

    def choice(self, replaces: bytes | None) -> Choice:
        """What the vault is asked for."""
        return Choice(
            agency=self.agency.id,
            use=self.use.id,
            fields=self.chosen,
            duration_seconds=self.seconds,
            reads_max=self.reads or None,
            follow=self.follow,
            with_tx_code=self.tx_code,
            replaces=replaces,
        )


def of_form(vault: Vault, form: Form) -> Draft:
    """The draft of a form; raises `BadInput`, and `NotFound` for a use that is not registered."""
    try:
        seconds, reads = int(form.text("seconds")), int(form.text("reads"))
    except ValueError:
        raise BadInput("A number is missing in this form.", "bad_form") from None
    return _draft(
        vault,
        form.text("agency", 256),
        form.text("use"),
        form.texts("fields"),
        seconds,
        reads,
        follow=form.ticked("follow"),
        tx_code=form.ticked("tx_code"),
    )


def again(vault: Vault, before: ShownGrant) -> Draft | None:
    """The same choice as one before it; None for what is not registered any more."""
    try:
        return _draft(
            vault,
            before.agency_id,
            before.use.id if before.use else "",
            before.field_ids,
            (before.not_after - before.created_at) // 1000,
            before.reads_max or 0,
            follow=before.follow,
            tx_code=before.with_tx_code,
        )
    except NotFound:
        return None


async def _asked(
    vault: OpenedVault,
    agency: Annotated[str, Query(max_length=256)],
    use: Annotated[str, Query(max_length=200)],
    fields: Annotated[list[str] | None, Query(max_length=100)] = None,
    seconds: Annotated[int, Query(le=_SECONDS_MAX)] = DURATIONS_SECONDS[0],
    reads: int = READS[0],
    follow: bool = False,
    tx_code: bool = False,
) -> Draft:
    chosen = tuple(fields or ())
    return _draft(vault, agency, use, chosen, seconds, reads, follow=follow, tx_code=tx_code)


Asked = Annotated[Draft, Depends(_asked)]


def _draft(
    vault: Vault,
    agency: str,
    use: str,
    fields: tuple[str, ...],
    seconds: int,
    reads: int,
    *,
    follow: bool,
    tx_code: bool,
) -> Draft:
    found = vault.registry().registered(agency, use)
    if found.agency is None or found.use is None:
        raise NotFound("This agency or use is not registered, or not any more.")
    if found.use.hidden_reads is not None:
        reads = 0  # a count would show reads that may be hidden (docs/agency.md)
    return Draft(found.agency, found.use, fields, seconds, reads, follow, tx_code)
