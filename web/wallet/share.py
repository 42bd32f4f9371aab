"""Sharing: which office, for what, which data; look at it once more; the code to show; done.

The choice travels in the address as long as it is only a choice. The code stands on the page that
answers the decision, and nowhere else. A form that is sent again makes no second code beside the
first: it takes its place, or leads to what became of it.
"""

import secrets
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from api.shapes import id_bytes
from catalogue.registration import Agency, IntendedUse
from consent.decision import OFFERED
from crypto.encoding import b64u
from vault.activities import Page
from vault.offering import OfferMade
from vault.vault import Vault
from web import cookies, qr
from web.citizen import Owner, WalletRoute
from web.forms import Form, GivenForm
from web.names import agencies_of, field_label, uses_of, value_text
from web.pages import OpenedPages, OpenedVault, language_of, see, words_for
from web.wallet.draft import DURATIONS_SECONDS, READS, Asked, Draft, again, of_form
from web.wallet.shown import ShownGrant, grants_shown, period_text, times_shared

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)

MADE = "__Host-kluis-made"  # which form made which offer, so that the same form makes one
MANY_OFFICES = 8
ALARMS_LOOKED_AT = 10
QUERY_CHARACTERS_MAX = 100


@dataclass(frozen=True, slots=True)
class Office:
    """A registered agency to choose, and how often the citizen shared with it before."""

    agency: Agency
    uses: list[IntendedUse]
    times: int


@router.get("/wallet/share")
def offices(
    request: Request, owner: Owner, pages: OpenedPages, vault: OpenedVault, q: str = ""
) -> Response:
    """Which office, and for what; those that were chosen before come first."""
    registry, found = vault.registry(), grants_shown(request, vault, owner)
    every = [
        Office(one, uses_of(registry, one.id), times_shared(found, one.id))
        for one in agencies_of(registry)
    ]
    language, wanted = language_of(request), q.strip()[:QUERY_CHARACTERS_MAX].casefold()
    shown = [one for one in every if wanted in _text_of(one, language)]
    shown.sort(key=lambda one: (-one.times, one.agency.names[language].casefold()))
    return pages.render(
        request,
        "wallet/share.html",
        here="share",
        offices=shown,
        searching=len(every) >= MANY_OFFICES,
        wanted=q.strip()[:QUERY_CHARACTERS_MAX],
    )


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
    draft, replaces = of_form(vault, form), _replaced(request, form)
    before = _grant(request, owner, vault, replaces)
    if before is not None and before.was_scanned:
        return see(f"/wallet/share/done?grant={before.id}")
    waits = before is not None and before.stored_state == OFFERED
    made = vault.offer(owner, draft.choice(id_bytes(replaces) if waits else None))
    page = _show_code(request, draft, made, pages, vault)
    cookies.set_cookie(page, MADE, f"{form.text('once', 40)}.{b64u(made.grant_id)}")
    return page


@router.get("/wallet/share/done")
def done(
    request: Request, owner: Owner, pages: OpenedPages, vault: OpenedVault, grant: str = ""
) -> Response:
    """What became of a code: what is shared, with whom, until when; and what happens with it."""
    one = _grant(request, owner, vault, grant)
    if one is None:
        return see("/wallet/access")
    return pages.render(
        request,
        "wallet/done.html",
        here="share",
        one=one,
        alarm="" if one.is_open else _alarm(vault, owner, one),
        draft=again(vault, one),
        grant=one.id,
        once=secrets.token_urlsafe(16),
    )


def _alarm(vault: Vault, owner: Owner, one: ShownGrant) -> str:
    """Why it ended, if it ended with an alarm that the citizen has not seen to yet."""
    found = vault.activity(owner, Page("alarms", ALARMS_LOOKED_AT)).entries
    about = (entry.event for entry in found if entry.event.grant == id_bytes(one.id))
    return next((event.reason or "" for event in about), "")


def _grant(request: Request, owner: Owner, vault: Vault, id_: str) -> ShownGrant | None:
    found = grants_shown(request, vault, owner) if id_ else []
    return next((one for one in found if one.id == id_), None)


def _replaced(request: Request, form: Form) -> str:
    """The offer that this form made before, or the one that it says it replaces."""
    once, _, grant = request.cookies.get(MADE, "").partition(".")
    again = bool(once) and cookies.is_same(once, form.text("once", 40))
    return grant if again else form.text("replaces")


def _show_code(
    request: Request, draft: Draft, made: OfferMade, pages: OpenedPages, vault: Vault
) -> Response:
    return pages.render(
        request,
        "wallet/code.html",
        here="share",
        draft=draft,
        once=secrets.token_urlsafe(16),
        grant=b64u(made.grant_id),
        agency=draft.agency.names[language_of(request)],
        code=made.code,
        picture=qr.inline(made.qr_text(vault.system.settings.url)),
        tx_code=made.tx_code,
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
    language = language_of(request)
    labels = {one.id: field_label(catalogue, one.id, language) for one in draft.use.fields}
    values = {
        name: value_text(catalogue, name, held[name].statement.value, words)
        for name in labels
        if name in held
    }
    return pages.render(
        request,
        template,
        here="share",
        draft=draft,
        labels=labels,
        values=values,
        missing=[(name, labels[name]) for name in draft.mandatory if name not in values],
        times=times_shared(grants_shown(request, vault, owner), draft.agency.id),
        durations=DURATIONS_SECONDS,
        reads=READS if draft.use.hidden_reads is None else (0,),
        hidden_days=draft.use.hidden_reads and draft.use.hidden_reads.days_max,
        retention=period_text(draft.use.retention, words),
        fresh_seconds=vault.system.settings.grant_fresh_seconds,
        once=secrets.token_urlsafe(16),
        back=f"/wallet/share/review?{draft.query}",
    )


def _text_of(office: Office, language: str) -> str:
    """Where a search looks: the name, the id, and what it asks for."""
    purposes = [use.purpose[language] for use in office.uses]
    return " ".join([office.agency.names[language], office.agency.id, *purposes]).casefold()
