"""The streams of news: to whom, how many, how long; they tell and record nothing more."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from crypto import jose
from tests.builders import AgencyDesk, Citizen, TurnedTime, registration
from tests.serving import STOP_SECONDS_MAX, Site, served
from vault import caller
from web import cookies
from web.citizen import IDLE_SECONDS
from web.streams import STREAMS_MAX

FIELDS = ["identity.given_name"]
PATIENCE_SECONDS = 60


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.streams.LOOK_SECONDS", 0.02)


def agency_of(site: Site, name: str, **use: object) -> AgencyDesk:
    key = jose.generate_key()
    document = registration(f"https://{name}.example", key, dict.fromkeys(FIELDS, True))
    document["intended_uses"][0].update(use)
    if document["id"] not in site.store.vault.registry().agencies:
        site.store.vault.register_agency(caller.Operator(), document)
    return AgencyDesk(site.store.vault, document["id"], "test-use", key)


def held(site: Site, citizen: Citizen, *, idle_seconds: float = 0) -> dict[str, str]:
    now_ms = site.store.clock.now_ms() - int(idle_seconds * 1000)
    mark = cookies.seen_mark(citizen.token, now_ms)
    return {"Cookie": f"{cookies.SESSION}={citizen.token}; {cookies.SEEN}={mark}"}


@dataclass
class Stream:
    """What a browser would be told."""

    told: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)
    text: str = ""
    ended: bool = False
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def run(self, response: httpx.Response) -> None:
        kind = id_ = ""
        try:
            for line in response.iter_lines():
                name, _, value = line.partition(": ")
                kind = value if name == "event" else kind
                id_ = value if name == "id" else id_
                with self._news:
                    self.text += line + "\n"
                    if name == "data":
                        data = json.loads(value)
                    if not line and kind:
                        self.told.append((kind, id_, data))
                        kind = id_ = ""
                    self._news.notify_all()
        except httpx.HTTPError:
            pass
        with self._news:
            self.ended = True
            self._news.notify_all()

    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.told]

    def wait(self, kind: str) -> None:
        with self._news:
            assert self._news.wait_for(lambda: kind in self.kinds(), PATIENCE_SECONDS), self.text

    def wait_for_end(self) -> None:
        with self._news:
            assert self._news.wait_for(lambda: self.ended, PATIENCE_SECONDS), self.text


@contextmanager
def listening(site: Site, headers: dict[str, str]) -> Iterator[Stream]:
    stream = Stream()
    with (
        httpx.Client(base_url=site.url, timeout=PATIENCE_SECONDS * 2) as http,
        http.stream("GET", "/wallet/events", headers=headers) as response,
    ):
        assert response.status_code == 200
        stream.headers = response.headers
        thread = threading.Thread(target=stream.run, args=(response,), daemon=True)
        thread.start()
        yield stream


def test_a_scan_a_read_and_an_end_are_told_by_ids_and_labels(site: Site, citizen: Citizen) -> None:
    agency = agency_of(site, "told")
    with listening(site, held(site, citizen)) as stream:
        made = citizen.offer(agency, FIELDS, reads_max=3)
        stream.wait("offer")
        token = agency.redeem(made.code).token
        stream.wait("grant")
        agency.read(token, FIELDS)
        stream.wait("read")
        site.store.vault.end_grant(citizen.owner, made.grant_id)
        stream.wait("withdrawn")
    assert stream.kinds() == ["offer", "grant", "read", "withdrawn"]
    assert all(id_ for _, id_, _ in stream.told)
    assert all(
        data.keys() == {"kind", "grant", "agency", "state", "reads", "text"}
        for _, _, data in stream.told
    )
    assert "Canaria" not in stream.text
    assert made.code not in stream.text
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["cache-control"] == "no-store"


def test_a_second_use_of_a_code_is_an_alarm(site: Site, citizen: Citizen) -> None:
    agency = agency_of(site, "alarm")
    made = citizen.offer(agency, FIELDS, reads_max=3)
    agency.read(agency.redeem(made.code).token, FIELDS)
    with listening(site, held(site, citizen)) as stream:
        with pytest.raises(Exception, match="code"):
            agency.redeem(made.code)
        stream.wait("alarm")
    assert citizen.alarms() == ["second_use"]


def test_to_listen_makes_no_entry_and_keeps_nobody_signed_in(site: Site, citizen: Citizen) -> None:
    agency = agency_of(site, "quiet")
    before = citizen.log()
    with listening(site, held(site, citizen)) as stream:
        citizen.offer(agency, FIELDS)
        stream.wait("offer")
    assert "set-cookie" not in stream.headers
    assert citizen.log()[len(before) :] == [("offer.create", "permitted", None)]


def test_a_read_that_a_law_hides_is_not_told(site: Site, citizen: Citizen) -> None:
    law = {"legal_basis": {"kind": "law", "reference": "Test Act, art. 1"}}
    hidden = {"hidden_reads": {"legal_basis": "Test Act, art. 2", "days_max": 3}}
    agency = agency_of(site, "hidden", **law, **hidden)
    made = citizen.offer(agency, FIELDS)
    token = agency.redeem(made.code).token
    with listening(site, held(site, citizen)) as stream:
        agency.read(token, FIELDS)
        other = citizen.offer(agency_of(site, "open"), FIELDS)
        stream.wait("offer")
        site.store.vault.end_grant(citizen.owner, other.grant_id)
        stream.wait("withdrawn")
    assert "read" not in stream.kinds()


def test_a_stream_ends_with_its_session(site: Site, citizen: Citizen) -> None:
    with listening(site, held(site, citizen)) as stream:
        site.store.vault.log_out(citizen.owner)
        stream.wait_for_end()
    again = httpx.get(f"{site.url}/wallet/events", headers=held(site, citizen))
    assert (again.status_code, again.text) == (401, "")


def test_who_was_idle_too_long_is_not_told_either(
    site: Site, citizen: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = held(site, citizen, idle_seconds=IDLE_SECONDS + 1)
    assert httpx.get(f"{site.url}/wallet/events", headers=idle).status_code == 401
    turned, agency = TurnedTime(), agency_of(site, "idle")
    monkeypatch.setattr("web.streams.time", turned)
    nearly = held(site, citizen.unlock(), idle_seconds=IDLE_SECONDS - 60)
    with listening(site, nearly) as stream:
        citizen.offer(agency, FIELDS)
        stream.wait("offer")
        turned.turned_seconds = 60
        stream.wait_for_end()
    assert stream.kinds() == ["offer"]


@pytest.mark.parametrize(
    "path", ["/wallet/events", "/wallet/events/since", "/desk/events", "/desk/stands"]
)
def test_a_stranger_is_told_nothing_and_led_nowhere(site: Site, path: str) -> None:
    answer = httpx.get(site.url + path)
    assert (answer.status_code, answer.content) == (401, b"")


def test_one_session_holds_a_few_streams_and_no_more(site: Site, citizen: Citizen) -> None:
    mine = held(site, citizen)
    with httpx.Client(base_url=site.url) as http:
        opened = [http.send(http.build_request("GET", "/wallet/events", headers=mine), stream=True)
                  for _ in range(STREAMS_MAX)]  # fmt: skip
        begun = [one.iter_raw() for one in opened]
        assert all(next(one) for one in begun)
        assert httpx.get(f"{site.url}/wallet/events", headers=mine).status_code == 429
        for one in opened:
            one.close()


def test_after_a_break_it_is_said_that_there_was_something(site: Site, citizen: Citizen) -> None:
    agency = agency_of(site, "break")
    mine = held(site, citizen)
    since = f"{site.url}/wallet/events/since"
    last = httpx.get(since, headers=mine).json()["last"]
    assert httpx.get(since, params={"after": last}, headers=mine).json()["events"] == []
    made = citizen.offer(agency, FIELDS)
    agency.redeem(made.code)
    told = httpx.get(since, params={"after": last}, headers=mine).json()["events"]
    assert [(one["kind"], one["data"]["grants"][0]["state"]) for one in told] == [
        ("changed", "active")
    ]
    with listening(site, {**mine, "Last-Event-ID": last}) as stream:
        stream.wait("changed")


def test_a_server_that_stops_does_not_wait_for_those_who_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.server._GRACE_SECONDS", 10 * STOP_SECONDS_MAX)
    with ExitStack() as kept:
        with served(tmp_path) as site:
            stream = kept.enter_context(listening(site, held(site, site.store.citizen({}))))
        # Here `served` has seen the server end, within its time.
        stream.wait_for_end()
