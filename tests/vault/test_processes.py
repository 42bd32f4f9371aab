"""Several processes on one installation: one log, one order, one token for one code."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvicorn

from api.app import create_app
from operate.verification import verify_data
from tests.builders import NOON_MS, AgencyDesk, Store
from tests.conftest import ROOT
from tests.vault.entries import entries_of
from vault.clock import SystemClock
from vault.erasing import erasing_item
from vault.errors import CannotUnlock, InvalidGrant, InvalidToken
from vault.keys import grant_salt
from vault.keystore import SaltKey
from vault.log import Recorded
from vault.recording import SYSTEM, draft
from vault.sequencer import Item
from vault.settings import Settings
from vault.vault import Vault

NAME = "identity.given_name"
Process = subprocess.Popen[str]
Start = Callable[..., Process]


@pytest.fixture
def other(store: Store) -> Iterator[Vault]:
    """The same installation in another process, as far as the databases can tell."""
    opened = Vault.open(store.settings, store.clock)
    yield opened
    opened.close()


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a Python script; what still runs when the test is over is killed."""
    with ExitStack() as started:

        def start_one(script: str, *arguments: str) -> Process:
            process = started.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", script, *arguments],
                    cwd=ROOT,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            started.callback(process.kill)
            return process

        yield start_one


def tell(process: Process, line: object) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(line) + "\n")
    process.stdin.flush()


def hear(process: Process) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def indices(store: Store) -> list[int]:
    system = store.vault.system
    return [one.index for one in entries_of(system, system.system_key)]


# One log


def test_two_instances_interleave_in_one_gapless_log(store: Store, other: Vault) -> None:
    vaults = store.vault, other
    placed = list[int]()

    def record(vault: Vault) -> None:
        system = vault.system
        for _ in range(60):
            item = Item(draft(NOON_MS, "calls.limited", SYSTEM), system.system_key)
            placed.append(system.sequencer.record(item).index)

    threads = [threading.Thread(target=record, args=(vaults[n % 2],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(placed) == list(range(240)) == indices(store)
    assert verify_data(store.settings).findings == ()


_RECORD = """
import json, sys
from pathlib import Path
from tests.builders import NOON_MS
from tests.patience import be_patient
from vault.recording import SYSTEM, draft
from vault.sequencer import Item
from vault.settings import load_settings
from vault.vault import Vault

be_patient()
with Vault.open(load_settings(Path(sys.argv[1]))) as vault:
    print("true", flush=True)
    sys.stdin.readline()
    system = vault.system
    items = [Item(draft(NOON_MS, "calls.limited", SYSTEM), system.system_key) for _ in range(100)]
    placed = [system.sequencer.record(item).index for item in items]
    print(json.dumps(placed), flush=True)
"""


def test_processes_interleave_in_one_gapless_log(store: Store, start: Start) -> None:
    processes = [start(_RECORD, str(store.settings.data)) for _ in range(3)]
    for process in processes:
        assert hear(process) is True
    for process in processes:
        tell(process, "go")

    placed = [index for process in processes for index in hear(process)]

    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert sorted(placed) == list(range(300)) == indices(store)
    assert verify_data(store.settings).findings == ()


def test_a_process_that_is_killed_leaves_a_whole_log(store: Store, start: Start) -> None:
    process = start(_RECORD.replace("range(100)", "range(100000)"), str(store.settings.data))
    assert hear(process) is True
    tell(process, "go")
    head = store.vault.system.log.head
    while head().frontier.size < 20 and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait(timeout=60)

    store.citizen()
    assert verify_data(store.settings).findings == ()
    store.reopen()


# One code, over HTTP

_REDEEM = """
import json, sys, threading, time, uuid
import httpx
from crypto.encoding import b64u
from crypto.jose import generate_key, sign
from crypto.primitives import sha256

given = json.loads(sys.stdin.readline())
url, key, proof_key = given["url"], given["key"], generate_key()


def proof(method, path, **claims):
    claims |= {"jti": uuid.uuid4().hex, "htm": method, "htu": url + path, "iat": int(time.time())}
    return sign(claims, proof_key, typ="dpop+jwt", carry_key=True)


def request():
    now = int(time.time())
    assertion = {
        "iss": given["agency"], "sub": given["agency"], "aud": url, "jti": uuid.uuid4().hex,
        "iat": now, "exp": now + 60,
    }
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code",
        "pre-authorized_code": given["code"],
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": sign(assertion, key, typ="JWT"),
    }
    return form, {"DPoP": proof("POST", "/oauth/token")}


requests = [request() for _ in range(given["requests"])]
clients = [httpx.Client(timeout=60, trust_env=False) for _ in requests]
together, answers = threading.Barrier(len(requests)), []


def send(client, form, headers):
    together.wait()
    answers.append(client.post(url + "/oauth/token", data=form, headers=headers))


threads = [threading.Thread(target=send, args=(c, *r)) for c, r in zip(clients, requests)]
print("true", flush=True)
sys.stdin.readline()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps([[a.status_code, a.json().get("error")] for a in answers]), flush=True)
sys.stdin.readline()
reads = []
for answer in answers:
    if answer.status_code == 200:
        token = answer.json()["access_token"]
        ath = b64u(sha256(token.encode()))
        headers = {"Authorization": "DPoP " + token, "DPoP": proof("GET", "/v1/data", ath=ath)}
        fields = {"fields": "identity.given_name"}
        reads.append(clients[0].get(url + "/v1/data", params=fields, headers=headers).status_code)
print(json.dumps(reads), flush=True)
"""


@contextmanager
def served(settings: Settings) -> Iterator[Vault]:
    """The installation on a free port, by the clock on the wall."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        vault = Vault.open(settings.model_copy(update={"url": url}), SystemClock())
        config = uvicorn.Config(create_app(vault), log_level="warning", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield vault
        finally:
            server.should_exit = True
            thread.join(timeout=30)
            vault.close()


@pytest.mark.slow
def test_of_a_hundred_redemptions_over_http_one_gives_a_token_and_it_is_dead_afterwards(
    store: Store, start: Start
) -> None:
    with served(store.settings) as vault:
        by_the_clock = replace(store, vault=vault)
        citizen, agency = by_the_clock.citizen(), by_the_clock.agency()
        clients = [start(_REDEEM) for _ in range(5)]
        given = {"url": vault.system.settings.url, "key": agency.key, "agency": agency.id}
        code = citizen.offer(agency, [NAME]).code
        for client in clients:
            tell(client, given | {"code": code, "requests": 20})
        assert [hear(client) for client in clients] == [True] * 5
        for client in clients:
            tell(client, "go")
        answers = [answer for client in clients for answer in hear(client)]
        for client in clients:
            tell(client, "read")
        reads = [status for client in clients for status in hear(client)]
        assert [client.wait(timeout=60) for client in clients] == [0] * 5

        assert answers.count([200, None]) == 1, answers
        assert answers.count([400, "invalid_grant"]) == 99, answers
        assert reads == [401]
        assert len(citizen.alarms()) == 1
        outcomes = [(a, o) for a, o, _ in citizen.log() if a == "grant.redeem"]
        assert outcomes.count(("grant.redeem", "permitted")) == 1
        assert outcomes.count(("grant.redeem", "denied")) == 98
        assert [a for a, *_ in citizen.log()].count("grant.end") == 1
    assert verify_data(store.settings).findings == ()


# The narrow moments of a race, one by one


def both(agency: AgencyDesk, other: Vault) -> tuple[AgencyDesk, AgencyDesk]:
    """The agency's desks at the two processes."""
    return agency, replace(agency, vault=other)


def before_next(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, act: Any) -> None:
    """Lets `act(*args)` happen just before the method of that name is called, once."""
    method, left = getattr(owner, name), [act]

    def called(*args: Any, **options: Any) -> Any:
        if left:
            left.pop()(*args)
        return method(*args, **options)

    monkeypatch.setattr(owner, name, called)


def test_the_slower_redemption_is_a_second_use(
    store: Store, other: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, desks = store.citizen(), both(store.agency(), other)
    offer = citizen.offer(desks[0], [NAME])
    get, redeemed = other.system.keystore.get, list[str]()

    def get_before_the_faster(names: list[SaltKey]) -> dict[SaltKey, bytes]:
        found = get(names)
        if len(names) == 2 and not redeemed:  # of both phases, just before the values
            redeemed.append(desks[0].redeem(offer.code).token)
        return found

    monkeypatch.setattr(other.system.keystore, "get", get_before_the_faster)

    with pytest.raises(InvalidGrant):
        desks[1].redeem(offer.code)

    assert citizen.alarms() == ["answer_lost"]


def test_a_salt_that_goes_at_once_is_an_ended_grant(
    store: Store, other: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, desks = store.citizen(), both(store.agency(), other)
    offer = citizen.offer(desks[0], [NAME])
    get = other.system.keystore.get

    def get_after_the_end(names: list[SaltKey]) -> dict[SaltKey, bytes]:
        if grant_salt(offer.grant_id, 1) in names:
            store.vault.end_grant(citizen.owner, offer.grant_id)
        return get(names)

    monkeypatch.setattr(other.system.keystore, "get", get_after_the_end)

    with pytest.raises(InvalidGrant):
        desks[1].redeem(offer.code)


def test_an_unlock_that_an_erasure_overtakes_is_refused(
    store: Store, other: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = store.citizen()
    get = other.system.keystore.get

    def get_after_the_erasure(names: list[SaltKey]) -> dict[SaltKey, bytes]:
        if names[0].kind == "session":
            store.vault.erase(citizen.owner)
        return get(names)

    monkeypatch.setattr(other.system.keystore, "get", get_after_the_erasure)

    with pytest.raises(CannotUnlock):
        replace(citizen, vault=other).unlock()


def test_a_read_after_the_erasure_in_the_log_releases_nothing(
    store: Store, other: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, desks = store.citizen(), both(store.agency(), other)
    token = desks[0].redeem(citizen.offer(desks[0], [NAME]).code).token
    erasure = erasing_item(store.vault.system.system_key, citizen.vault_id, store.clock.ms)
    sequencer = other.system.sequencer
    erase = store.vault.system.sequencer.record
    before_next(monkeypatch, sequencer, "_enqueue", lambda *_: erase(erasure))

    with pytest.raises(InvalidToken):
        desks[1].read(token, [NAME])


def test_a_grant_ends_with_its_last_read_also_when_two_reads_are_the_last(
    store: Store, other: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, desks = store.citizen(), both(store.agency(), other)
    offer = citizen.offer(desks[0], [NAME], reads_max=2)
    token = desks[0].redeem(offer.code).token
    sequencer, together = store.vault.system.sequencer, threading.Barrier(2)
    enqueue, met = sequencer._enqueue, []

    def enqueue_together(item: Item, waiter: Any) -> None:
        if item.event.action == "data.read":
            met.append(together.wait(timeout=60))
        enqueue(item, waiter)

    monkeypatch.setattr(sequencer, "_enqueue", enqueue_together)
    reader = threading.Thread(target=desks[0].read, args=(token, [NAME]))
    reader.start()
    assert desks[0].read(token, [NAME])
    reader.join()
    assert len(met) == 2

    store.vault.sweep()
    assert [g.state for g in store.vault.grants(citizen.owner)] == ["ended"]
    assert store.vault.system.keystore.rows("grant") == []


def test_reads_do_not_hold_back_the_alarm_of_a_second_use(
    store: Store, other: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, desks = store.citizen(), both(store.agency(), other)
    offer = citizen.offer(desks[0], [NAME])
    token = desks[0].redeem(offer.code).token
    sequencer = other.system.sequencer
    record = sequencer.record

    def record_after_a_read(item: Item) -> Recorded:
        desks[0].read(token, [NAME])
        return record(item)

    monkeypatch.setattr(sequencer, "record", record_after_a_read)

    with pytest.raises(InvalidGrant):
        desks[1].redeem(offer.code)

    assert citizen.alarms() == ["second_use"]


def test_an_end_that_meets_a_redemption_names_the_redeemed_grant(
    store: Store, other: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, agency = store.citizen(), store.agency()
    offer = citizen.offer(agency, [NAME])
    sequencer = other.system.sequencer
    before_next(monkeypatch, sequencer, "record", lambda _: agency.redeem(offer.code))

    assert other.end_grant(citizen.owner, offer.grant_id).recorded

    assert verify_data(store.settings).findings == ()
