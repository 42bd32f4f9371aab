"""What a check of the log found, in the reader's language; the check's own words stand beneath."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType

from evidence.findings import Finding
from web.papers.words import N_
from web.words import Words

DETAILS_MAX = 20  # of one code; a check outside names them all

FOUND: Mapping[str, str] = MappingProxyType(
    {
        "note": N_("A checkpoint of the log is not signed with the log’s key."),
        "empty": N_("The log has no entries."),
        "missing": N_("An entry is not there."),
        "order": N_("An entry stands there twice, or in the wrong place."),
        "cut": N_("The end of the log is gone: more entries were signed than there are."),
        "unsigned": N_("There are more entries than were signed."),
        "leaf": N_("An entry was changed after it was written."),
        "tile": N_("The stored parts of the log do not fit its entries."),
        "root": N_("What was signed does not fit the entries."),
        "opening": N_("What an entry says cannot be opened, or was replaced."),
        "entry": N_("An entry is not written in the way that it has to be."),
        "entry_id": N_("Two entries have the same name, or an entry has the wrong one."),
        "subject_seq": N_("Among the entries of a vault, one is missing or there twice."),
        "subject_prev": N_("An entry does not go on from the one before it."),
        "visible_after": N_("A hidden entry would be shown before an older one."),
        "proof": N_("Nothing proves that an entry is in the log."),
        "consistency": N_("The log was changed since it was last seen."),
        "continue": N_("A new log does not go on from where the old one ended."),
        "forgotten": N_("An entry that was seen before is gone."),
        "member": N_("A part of the file is missing, was changed, or does not belong in it."),
        "manifest": N_("The list of what is in the file is not right."),
        "closed": N_("An entry is closed, and no rule says why."),
        "rendering": N_("A table in the file does not say what the entries say."),
        "previous": N_("The file does not go on from the one before it."),
    }
)


@dataclass(frozen=True, slots=True)
class Told:
    """All findings of one code. `details`: the first of them, in English, as the command line says
    them; `more`: how many there are besides.
    """

    text: str
    details: tuple[str, ...]
    more: int


def told(findings: Iterable[Finding], words: Words) -> tuple[Told, ...]:
    """By code, each where its first one stands."""
    by_code: dict[str, list[Finding]] = {}
    for one in findings:
        by_code.setdefault(one.code, []).append(one)
    return tuple(
        Told(
            words.gettext(FOUND.get(code, code)),
            tuple(str(one) for one in islice(found, DETAILS_MAX)),
            max(0, len(found) - DETAILS_MAX),
        )
        for code, found in by_code.items()
    )
