"""A copy of everything: its link works once, for a quarter of an hour, in this session alone; and
PDFs are made two at a time.
"""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.builders import Citizen
from tests.serving import Site
from tests.web.visiting import Visitor, link
from vault.clock import SystemClock
from web.papers.gathering import Export, gather
from web.papers.typeset import PRESSES
from web.wallet import export

MINUTE_MS = 60_000
Turn = Callable[[int], None]


@pytest.fixture
def turn(site: Site) -> Iterator[Turn]:
    """Turns the clock of the server forward."""
    clock = site.store.vault.system.clock
    before, real = clock.now_ms, SystemClock()

    def forward(by_ms: int) -> None:
        clock.now_ms = lambda: real.now_ms() + by_ms  # type: ignore[method-assign]

    yield forward
    clock.now_ms = before  # type: ignore[method-assign]


def title(page: str) -> str:
    return str(re.findall(r"<h1[^>]*>(.*?)</h1>", page)[0])


def exports(citizen: Citizen) -> int:
    return citizen.log().count(("vault.export", "permitted", None))


@pytest.mark.parametrize(("form", "start"), [("json", b"{"), ("pdf", b"%PDF-")])
def test_a_link_gives_one_copy_as_a_file_and_then_says_that_it_was_used(
    visitor: Visitor, citizen: Citizen, form: str, start: bytes
) -> None:
    path = link(visitor, form)
    copy = visitor.get(path)
    assert copy.status_code == 200
    assert copy.content.startswith(start)
    assert re.fullmatch(
        rf'attachment; filename="burgerkluis-\d{{4}}-\d\d-\d\d\.{form}"',
        copy.headers["content-disposition"],
    )
    assert copy.headers["cache-control"] == "no-store"
    assert copy.headers["x-content-type-options"] == "nosniff"
    again = visitor.get(path)
    assert again.status_code == 410
    assert title(again.text) == "This link was used already"
    assert exports(citizen) == 1
    assert ("vault.export", "denied", "replayed") in citizen.log()


def test_a_copy_holds_the_values(visitor: Visitor) -> None:
    copy = json.loads(visitor.get(link(visitor)).content)
    assert "Canaria-Given" in json.dumps(copy)
    assert copy["language"] == "en"


def test_twenty_at_once_get_one_copy(visitor: Visitor, citizen: Citizen) -> None:
    path = link(visitor)
    with ThreadPoolExecutor(20) as pool:
        answers = [*pool.map(lambda _: visitor.get(path), range(20))]
    statuses = sorted(one.status_code for one in answers)
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {410, 503}  # spent, or too many at once
    assert sum("content-disposition" in one.headers for one in answers) == 1
    assert exports(citizen) == 1


def test_a_link_is_over_after_a_quarter_of_an_hour(visitor: Visitor, turn: Turn) -> None:
    path, later = link(visitor), link(visitor)
    turn(14 * MINUTE_MS)
    visitor.come_back()  # the citizen did something meanwhile
    assert visitor.get(path).status_code == 200
    turn(15 * MINUTE_MS)
    visitor.come_back()
    answer = visitor.get(later)
    assert answer.status_code == 410
    assert title(answer.text) == "This link is over"
    assert "No copy left your vault now." in answer.text


def test_a_link_is_nothing_without_the_session_that_made_it(
    site: Site, visitor: Visitor, citizen: Citizen
) -> None:
    path = link(visitor)
    assert "/wallet/" in Visitor(site).get(path).headers["location"]  # no session: to unlock
    stranger = Visitor(site, site.store.citizen())
    assert stranger.get(path).status_code == 410
    citizen.unlock()
    other = Visitor(site, citizen)  # the same vault, in another session
    answer = other.get(path)
    assert answer.status_code == 410
    assert title(answer.text) == "This link is over"
    assert visitor.get(path).status_code == 200  # none of these spent it


def test_a_locked_session_gives_nothing(site: Site, visitor: Visitor, citizen: Citizen) -> None:
    path = link(visitor)
    visitor.post("/wallet/lock", {})
    assert visitor.get(path).status_code == 303
    visitor.held.update(Visitor(site, citizen.unlock()).held)
    assert visitor.get(path).status_code == 410
    assert exports(citizen) == 0


def test_a_link_that_gives_nothing_costs_no_gathering(
    site: Site, visitor: Visitor, turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered: list[object] = []

    def counted(*given: Any) -> Export:
        gathered.append(given)
        return gather(*given)

    monkeypatch.setattr(export, "gather", counted)
    path, over = link(visitor), link(visitor)
    assert visitor.get(path).status_code == 200
    assert len(gathered) == 1
    stranger = Visitor(site, site.store.citizen())
    bogus = ["/wallet/export/AAAA.json", f"/wallet/export/{'A' * 90}.pdf", path]
    assert {visitor.get(one).status_code for one in bogus} == {410}
    assert stranger.get(over).status_code == 410
    turn(15 * MINUTE_MS)
    visitor.come_back()
    assert visitor.get(over).status_code == 410
    assert len(gathered) == 1


def test_a_link_takes_a_fresh_unlock(site: Site, visitor: Visitor, turn: Turn) -> None:
    turn((site.store.settings.fresh_unlock_seconds + 60) * 1000)
    visitor.come_back()
    answer = visitor.post("/wallet/export", {"format": "json", "back": "/wallet/export"})
    assert answer.status_code == 303
    back = "/wallet/unlock?next=%2Fwallet%2Fexport%3Fformat%3Djson&again=1"  # with the form chosen
    assert answer.headers["location"] == back


def test_a_copy_is_json_or_pdf(visitor: Visitor) -> None:
    assert visitor.post("/wallet/export", {"format": "exe"}).status_code == 400
    path = link(visitor)
    assert visitor.get(path.removesuffix("json") + "exe").status_code == 404
    assert visitor.get("/wallet/export/%FF.json").status_code == 410


def test_two_pdfs_are_made_at_once_and_a_third_is_told_to_wait(
    visitor: Visitor, citizen: Citizen
) -> None:
    path = link(visitor, "pdf")
    with PRESSES.held_by("one"), PRESSES.held_by("two"):
        answer = visitor.get(path)
        assert answer.status_code == 503
        assert title(answer.text) == "It is busy. Your copy was not made yet"
        assert f'href="{path}"' in answer.text
        assert exports(citizen) == 0
    assert visitor.get(path).status_code == 200  # the link was not spent
    assert exports(citizen) == 1
