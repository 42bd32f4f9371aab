"""The working day before today at three counters: what an auditor's pictures are made of."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tests.browser.people import make_agency
from tests.browser.stage import VALUES, later
from tests.builders import AgencyDesk, Citizen
from tests.serving import Site
from vault.errors import VaultError

DAY_SECONDS, HOUR_SECONDS = 86_400, 3_600
OPENS = 7  # o'clock in UTC
MANDATORY = {
    "parking-permit": ("identity.full_name", "address.resident_address"),
    "counter-identity": ("identity.birth_date",),
}
COUNTERS = (  # id, name, purpose, and how often each of them reads, hour by hour
    ("https://oin.example/00000001", "Gemeente Kruisvoorde", "parking-permit", (2, 5, 7, 6, 3, 4)),
    ("https://oin.example/00000002", "Gemeente Oostkade", "counter-identity", (1, 3, 4, 4, 2, 0)),
    ("https://oin.example/00000003", "Dienst Parkeren Waterland", "parking-permit", (0, 1, 2, 1)),
)


def live_a_day(site: Site) -> None:
    """Reads, and a few that were refused, by three agencies that the other people do not meet."""
    now_seconds = site.store.clock.now_ms() // 1000
    opens = now_seconds // DAY_SECONDS * DAY_SECONDS - DAY_SECONDS + OPENS * HOUR_SECONDS
    with later(site, opens - now_seconds):
        citizen = site.store.citizen(VALUES)
        desks = [make_agency(site, id_, name) for id_, name, _, _ in COUNTERS]
    for desk, (_, _, use, hours) in zip(desks, COUNTERS, strict=True):
        desk.use = use
        for hour, reads in enumerate(hours):
            with later(site, opens + hour * HOUR_SECONDS - now_seconds):
                _serve(desk, citizen.unlock(), reads)


def _serve(desk: AgencyDesk, citizen: Citizen, reads: int) -> None:
    """So many reads at a counter, one for more than was shared, one after the end."""
    fields = MANDATORY[desk.use]
    shared = citizen.offer(desk, fields)
    token = desk.redeem(shared.code).token
    for _ in range(reads):
        _read(desk, token, *fields)
    _read(desk, token, *fields, "contact.email_address")
    citizen.vault.end_grant(citizen.owner, shared.grant_id)
    if reads % 2:
        _read(desk, token, *fields)


def _read(desk: AgencyDesk, token: str, *fields: str) -> None:
    """In another thread: Playwright counts as an event loop of this one."""
    with ThreadPoolExecutor(1) as pool, suppress(VaultError):
        pool.submit(desk.read, token, fields, officer="l.peeters").result()
