"""Sharing: which office, for what, which data; look at it once more; the code to show.

The choice travels in the address as long as it is only a choice. The code stands on the page that
answers the decision, and nowhere else.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.shapes import id_bytes
from catalogue.registration import Agency, IntendedUse
from crypto.encoding import b64u
from vault.errors import BadInput, NotFound
from vault.offering import Choice
from vault.vault import Vault
from web import qr
from web.citizen import Owner, WalletRoute
from web.forms import Form, GivenForm
from web.names import agencies_of, agency_name, field_label, uses_of, value_text
from web.pages import OpenedPages, OpenedVault, language_of, words_for

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)

DURATIONS_SECONDS = (3600, 86_400, 7 * 86_400, 30 * 86_400, 365 * 86_400)
READS = (1, 5, 0)  # 0: any number


@dataclass(frozen=True, slots=True)
class Draft:
    """What is chosen so far: nothing secret."""

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


def _draft(vault: Vault, agency: str, use: str, **more: object) -> Draft:
    found = vault.registry().registered(agency, use)
    if found.agency is None or found.use is None:
        raise NotFound("This agency or use is not registered, or not any more.")
    return Draft(found.agency, found.use, **more)  # type: ignore[arg-type]


async def _asked(
    vault: OpenedVault,
    agency: Annotated[str, Query(max_length=256)],
    use: Annotated[str, Query(max_length=200)],
    fields: Annotated[list[str] | None, Query(max_length=100)] = None,
    seconds: int = DURATIONS_SECONDS[0],
    reads: int = 1,
    follow: bool = False,
    tx_code: bool = False,
) -> Draft:
    return _draft(
        vault, agency, use, fields=tuple(fields or ()), seconds=seconds, reads=reads,
        follow=follow, tx_code=tx_code,
    )  # fmt: skip


Asked = Annotated[Draft, Depends(_asked)]


@router.get("/wallet/share")
def offices(request: Request, _owner: Owner, pages: OpenedPages, vault: OpenedVault) -> Response:
    """Which office, and for what."""
    registry = vault.registry()
    found = [(one, uses_of(registry, one.id)) for one in agencies_of(registry)]
    return pages.render(request, "wallet/share.html", here="share", offices=found)


@router.get("/wallet/share/choose")
def choose(
    request: Request, owner: Owner, draft: Asked, pages: OpenedPages, vault: OpenedVault
) -> Response:
    """Which data: what is mandatory, what is a choice, why, and what follows."""
    return _show(request, "wallet/choose.html", owner, draft, pages, vault)


@router.get("/wallet/share/review")
def review(
    request: Request, owner: Owner, draft: Asked, pages: OpenedPages, vault: OpenedVault
) -> Response:
    """All of it once more, before the code is made."""
    return _show(request, "wallet/review.html", owner, draft, pages, vault)


@router.post("/wallet/share")
def share(
    request: Request, form: GivenForm, owner: Owner, pages: OpenedPages, vault: OpenedVault
) -> Response:
    """Makes the offer; its code stands on this page alone."""
    draft = _of_form(vault, form)
    replaces = form.text("replaces")
    made = vault.offer(
        owner,
        Choice(
            agency=draft.agency.id,
            use=draft.use.id,
            fields=draft.chosen,
            duration_seconds=draft.seconds,
            reads_max=draft.reads or None,
            follow=draft.follow,
            with_tx_code=draft.tx_code,
            replaces=id_bytes(replaces) if replaces else None,
        ),
    )
    return pages.render(
        request,
        "wallet/code.html",
        here="share",
        draft=draft,
        grant=b64u(made.grant_id),
        agency=agency_name(vault.registry(), draft.agency.id, language_of(request)),
        labels=_labels(request, vault, draft),
        code=made.code,
        groups=_groups(made.code),
        picture=qr.inline(made.qr_text(vault.system.settings.url)),
        tx_code=made.tx_code,
        offer_ends=made.offer_ends,
        not_after=made.not_after,
        lives_seconds=max(0, made.offer_ends - vault.system.clock.now_ms()) // 1000,
    )


def _show(
    request: Request,
    template: str,
    owner: Owner,
    draft: Draft,
    pages: OpenedPages,
    vault: OpenedVault,
) -> Response:
    catalogue, words, held = vault.system.catalogue, words_for(request), vault.values(owner)
    values = {
        name: value_text(catalogue, name, own.statement.value, words) for name, own in held.items()
    }
    labels = _labels(request, vault, draft)
    return pages.render(
        request,
        template,
        here="share",
        draft=draft,
        labels=labels,
        values=values,
        missing=[labels[name] for name in draft.mandatory if name not in values],
        durations=DURATIONS_SECONDS,
        reads=READS,
        back=request.url.path + "?" + request.url.query,
    )


def _labels(request: Request, vault: Vault, draft: Draft) -> dict[str, str]:
    language = language_of(request)
    return {
        one.id: field_label(vault.system.catalogue, one.id, language) for one in draft.use.fields
    }


def _of_form(vault: Vault, form: Form) -> Draft:
    try:
        seconds, reads = int(form.text("seconds")), int(form.text("reads"))
    except ValueError:
        raise BadInput("A number is missing in this form.", "bad_form") from None
    return _draft(
        vault,
        form.text("agency", 256),
        form.text("use"),
        fields=form.texts("fields"),
        seconds=seconds,
        reads=reads,
        follow=form.ticked("follow"),
        tx_code=form.ticked("tx_code"),
    )


def _groups(code: str) -> list[str]:
    """The code as it is said and typed: its prefix, then four by four (docs/format.md, 3 Codes)."""
    return [code[:3], *(code[at : at + 4] for at in range(3, len(code), 4))]
