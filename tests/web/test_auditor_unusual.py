"""What is unusual is told in every language, with the figures that it rests on."""

from collections.abc import Iterator

from audit.entry import Actor, Event, Officer, new_entry_id
from evidence.anomalies import CODES, Act, anomalies
from tests.builders import LANGUAGES, Store
from web.auditor.unusual import unusual
from web.words import words

NOON_MS = 1_795_262_400_000  # 2026-11-21T12:00:00Z
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
AGENCY = "https://agency.example"


def acts() -> Iterator[Act]:
    """Seven quiet days of twenty reads at noon, then one with everything that is told."""
    for day in range(7):
        for n in range(20):
            yield act(day * DAY_MS + n, "l.peeters", subject=0)
    for n in range(70):
        yield act(7 * DAY_MS + n, "k.vandijk", subject=n)
    yield act(7 * DAY_MS + 6 * HOUR_MS, "l.peeters", subject=0)
    for n in range(30):
        yield act(7 * DAY_MS + n, "l.peeters", subject=0, reason="expired")


def act(after_ms: int, officer: str, subject: int, reason: str | None = None) -> Act:
    at = NOON_MS + after_ms
    event = Event(
        id=new_entry_id(at),
        at=at,
        action="data.read",
        outcome="denied" if reason else "permitted",
        reason=reason,
        actor=Actor("agency", AGENCY),
        officer=Officer(officer, "agency"),
    )
    return Act((1, subject), event, bytes([subject]) * 16)


def test_every_kind_is_told_with_its_figures(store: Store) -> None:
    found, registry = anomalies(acts()), store.vault.registry()
    assert {one.code for one in found} == set(CODES)
    for language in LANGUAGES:
        shown = unusual(found, registry, words(language))
        for one, told in zip(found, shown, strict=True):
            assert "{" not in told.what
            for name, figure in one.figures.items():
                assert name == "reasons" or str(figure) in told.what, (language, one.code, name)
            if one.code == "refusals":
                assert "(30)" in told.what
                assert "expired" not in told.what
