"""Work that takes long: few at once, and nobody keeps it from the others."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock
from typing import Any

import httpx
import pytest

from tests.browser.stage import AUDITOR, Stage
from tests.serving import Site
from tests.web.officers import browser_of, looks
from tests.web.visiting import Visitor, link
from web.auditor.looking import Examiner
from web.faults import Busy, OneAtATime
from web.papers.gathering import gather
from web.papers.typeset import PRESSES
from web.slots import Slots
from web.wallet import export, proved

SECONDS_MAX = 60


def test_a_holder_has_one_and_the_others_have_the_rest() -> None:
    slots = Slots(2)
    with slots.held_by("a"):
        with pytest.raises(OneAtATime), slots.held_by("a"):
            pass
        with slots.held_by("b"), pytest.raises(Busy) as full, slots.held_by("c"):
            pass
        assert full.value.code == "busy"
        with slots.held_by("c"):
            pass
    with slots.held_by("a"), slots.held_by("b"):
        pass


def test_work_that_fails_gives_its_slot_back() -> None:
    slots = Slots(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), slots.held_by("a"):
            raise ZeroDivisionError
    assert not slots._held, "and nobody who holds none is remembered"


def test_of_many_who_come_at_once_exactly_as_many_get_in_as_there_are() -> None:
    slots, people = Slots(3), 16
    come, tried = Barrier(people, timeout=SECONDS_MAX), Barrier(people, timeout=SECONDS_MAX)

    def work(number: int) -> list[str]:
        holder, got = "abcd"[number % 4], list[str]()
        for _ in range(50):
            come.wait()
            try:
                with slots.held_by(holder):
                    got.append(holder)
                    tried.wait()  # nobody leaves before everybody tried
            except Busy:
                got.append("")
                tried.wait()
        return got

    with ThreadPoolExecutor(people) as pool:
        rounds = [*zip(*pool.map(work, range(people)), strict=True)]
    for got in rounds:
        inside = [one for one in got if one]
        assert len(inside) == 3
        assert len(set(inside)) == 3, "each another holder"
    assert not slots._held


class Watched(Counter[object]):
    """Notes whether the lock was held whenever a count was looked at or changed."""

    lock: Any
    alone: set[bool]

    def total(self) -> int:
        self.alone.add(self.lock.locked())
        return super().total()

    def __setitem__(self, key: object, value: int) -> None:
        self.alone.add(self.lock.locked())
        super().__setitem__(key, value)


def test_who_looks_whether_there_is_room_takes_it_before_another_looks() -> None:
    slots, watched = Slots(2), Watched()
    watched.lock, watched.alone = slots._lock, set()
    slots._held = watched
    with slots.held_by("a"), slots.held_by("b"):
        assert not slots._lock.locked(), "others come and go while the work is done"
    assert watched.alone == {True}


class Held:
    """Stands in for work that takes long: the first to come waits until it is let go."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self._real, self._lock = real, Lock()
        self.begun, self.go_on = Event(), Event()

    def __call__(self, *given: Any) -> Any:
        with self._lock:
            first = not self.begun.is_set()
            self.begun.set()
        if first:
            assert self.go_on.wait(SECONDS_MAX)
        return self._real(*given)


def while_one_is_held(
    held: Held, ask: Callable[[], httpx.Response], *others: Callable[[], httpx.Response]
) -> list[httpx.Response]:
    """What `others` are answered while `ask` has its slot; last, what `ask` is."""
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask)
        assert held.begun.wait(SECONDS_MAX)
        try:
            answers = [other() for other in others]
        finally:
            held.go_on.set()
        return [*answers, first.result()]


def test_a_vault_checks_its_list_once_at_a_time_and_keeps_no_other_from_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = site.store.citizen()
    one = Visitor(site, citizen)
    citizen.unlock()
    again, other = Visitor(site, citizen), Visitor(site, site.store.citizen())
    monkeypatch.setattr(proved, "_check_all", held := Held(proved._check_all))
    path = "/wallet/activity/check"
    refused, served_, first = while_one_is_held(
        held, lambda: one.get(path), lambda: again.get(path), lambda: other.get(path)
    )
    assert (refused.status_code, served_.status_code, first.status_code) == (503, 200, 200)
    assert "<code>one_at_a_time</code>" in refused.text
    assert "Try again in a moment." in refused.text
    assert again.get(path).status_code == 200


def test_a_vault_has_one_copy_made_at_a_time_and_its_other_link_is_not_spent(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (Visitor(site, site.store.citizen()) for _ in range(2))
    path, second, others = link(one), link(one, "pdf"), link(other)
    monkeypatch.setattr(export, "gather", held := Held(gather))
    refused, served_, first = while_one_is_held(
        held, lambda: one.get(path), lambda: one.get(second), lambda: other.get(others)
    )
    assert (refused.status_code, served_.status_code, first.status_code) == (503, 200, 200)
    assert "Another copy of yours is still being made." in refused.text
    assert one.get(second).status_code == 200


def test_a_vault_has_one_pdf_pressed_at_a_time(site: Site) -> None:
    visitor = Visitor(site, site.store.citizen())
    codes = {"recovery_code": "ABCD", "block_code": "EFGH"}
    assert visitor.citizen
    with PRESSES.held_by(visitor.citizen.vault_id):
        answer = visitor.post("/wallet/sheet.pdf", codes)
    assert answer.status_code == 503
    assert "<code>one_at_a_time</code>" in answer.text
    assert visitor.post("/wallet/sheet.pdf", codes).status_code == 200


@pytest.mark.parametrize("path", ["/auditor/check?now=1", "/auditor/pictures?show=1"])
def test_an_officer_goes_through_the_log_once_at_a_time_and_who_is_refused_did_not_look(
    path: str, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = browser_of(stage, AUDITOR), browser_of(stage, AUDITOR)
    one.get("/auditor")
    again = type(one)(one.url, dict(one.held))
    before = len(looks(stage.site))
    held = Held(Examiner._with_token)

    def looked(examiner: Examiner, act: Any) -> Any:
        return held(examiner, act)

    monkeypatch.setattr(Examiner, "_with_token", looked)
    refused, served_, first = while_one_is_held(
        held, lambda: one.get(path), lambda: again.get(path), lambda: other.get(path)
    )
    assert (refused.status_code, served_.status_code, first.status_code) == (503, 200, 200)
    assert "<code>one_at_a_time</code>" in refused.text
    assert len(looks(stage.site)) == before + 2
