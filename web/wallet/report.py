"""Something is wrong: who can be told, and a letter to begin with. Nothing is sent by us."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response

from catalogue.registration import Agency
from web.citizen import Owner, WalletRoute
from web.names import agency_of, by_name
from web.pages import OpenedPages, OpenedVault, words_for
from web.papers.words import N_
from web.wallet.activity import entry_at
from web.wallet.lines import Line, Teller
from web.words import Words

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)

# What is wrong: as it is chosen, and as the letter says it.
REASONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "not_me": (
            N_("I did not share this"),
            N_("I did not share these data with you, and I do not know why you asked for them."),
        ),
        "used_code": (
            N_("Somebody used my code"),
            N_("Somebody used a code of mine for your office, and it was not as I wanted."),
        ),
        "too_much": (
            N_("They ask for too much"),
            N_("I think that you ask for more data than you need for this purpose."),
        ),
        "purpose": (
            N_("They use it for something else"),
            N_("I think that you use my data for another purpose than the one you named."),
        ),
        "pretends": (
            N_("I think this is not really that office"),
            N_("I doubt whether it was really you who asked for these data."),
        ),
        "delete": (
            N_("I want them to delete what they read"),
            N_("Please delete the data that you read, and tell me when you have done it."),
        ),
        "other": (N_("Something else"), N_("This is what I want to tell you:")),
    }
)
OTHERWISE = "other"
_Id = Annotated[str, Query(max_length=256)]


@router.get("/wallet/report")
def report(
    request: Request,
    owner: Owner,
    pages: OpenedPages,
    vault: OpenedVault,
    entry: Annotated[str, Query(max_length=40)] = "",
    agency: _Id = "",
    reason: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """What is wrong; then whom to tell, with a letter about it. It holds no value."""
    line = Teller(request, vault, owner).tell(entry_at(vault, owner, entry)) if entry else None
    about = (line.agency if line is not None else "") or agency
    registry, words = vault.registry(), words_for(request)
    found = agency_of(registry, about)
    letter = None
    if found is not None and reason in REASONS:
        letter = _letter(words, found.names[words.language], line, reason)
    return pages.render(
        request,
        "wallet/report.html",
        here="activity",
        entry=entry,
        agency=about,
        line=line,
        reason=reason if reason in REASONS else "",
        reasons=[(code, words.gettext(text)) for code, (text, _) in REASONS.items()],
        offices=by_name(registry, registry.agencies, words.language),
        found=found,
        letter=letter,
        mails=_mails(words, found, letter),
    )


def _letter(words: Words, office: str, line: Line | None, reason: str) -> str:
    """Text to copy, in the citizen's language."""
    _ = words.gettext
    parts = [_("Dear Sir or Madam,"), "", _(REASONS[reason][1]), ""]
    if line is not None:
        parts += [
            _("It is about this:"),
            _("Office: %(office)s") % {"office": office},
            _("When: %(moment)s") % {"moment": words.moment(line.at)},
        ]
        if line.purpose:
            parts.append(_("Purpose: %(purpose)s") % {"purpose": line.purpose})
        if line.officer:
            parts.append(_("Officer: %(officer)s") % {"officer": line.officer})
        if line.fields:
            parts.append(_("Which data: %(fields)s") % {"fields": ", ".join(line.fields)})
        parts += [_("Number in the log: %(id)s") % {"id": line.id}, ""]
    parts += [_("Please answer me within one month, as the GDPR says (article 12)."), ""]
    parts += [_("Yours faithfully,"), "", _("(your name and how they can reach you)")]
    return "\n".join(parts)


def _mails(words: Words, agency: Agency | None, letter: str | None) -> dict[str, str]:
    """Links that open a mail to the office, and to its authority, with the letter in it."""
    if agency is None or letter is None:
        return {}
    subject = quote(words.gettext("About my data in my vault"), safe="")
    body = quote(letter.replace("\n", "\r\n"), safe="")
    to = {"office": agency.contact.email, "authority": agency.authority.email}
    return {
        who: f"mailto:{quote(address, safe='@')}?subject={subject}&body={body}" if address else ""
        for who, address in to.items()
    }
