"""Each permitted read and redemption answers with a receipt that holds without the server."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from audit.leaf import check_leaf_data
from evidence.errors import BadReceipt
from evidence.receipt import Receipt, check_receipt
from tests.api.conftest import AGENCY, FIELDS, NAMES, Agency, Citizen, Server
from vault.logkeys import log_keys


def held(server: Server, text: str) -> Receipt:
    """The receipt, checked against the public keys of the log alone."""
    return check_receipt(text, log_keys(server.vault.system.settings).verifiers)


def test_redemption_and_read_are_proved_by_their_answers(
    server: Server, citizen: Citizen, agency: Agency
) -> None:
    made = citizen.offer()
    token = agency.redeem(made["code"]).json()
    redeemed = held(server, token["receipt"])
    read = held(server, agency.read(token["access_token"], NAMES[0]).json()["receipt"])

    assert [one.event.action for one in (redeemed, read)] == ["grant.redeem", "data.read"]
    assert {one.event.actor.id for one in (redeemed, read)} == {AGENCY}
    assert read.event.fields_given == (NAMES[0],)
    assert read.index > redeemed.index
    check_leaf_data(read.leaf_data)
    seen = {e["id"]: e["index"] for e in citizen.get("/v1/me/activity").json()["entries"]}
    assert {redeemed.index, read.index} <= set(seen.values()), "the citizen sees them there"


def test_reads_of_one_batch_have_a_receipt_each(
    server: Server, citizen: Citizen, agency: Agency
) -> None:
    token = agency.token(citizen.offer()["code"])
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: agency.read(token, ",".join(FIELDS)), range(48)))
    receipts = [held(server, answer.json()["receipt"]) for answer in answers]
    assert len({one.index for one in receipts}) == 48
    assert len({one.event.id for one in receipts}) == 48


def test_a_receipt_of_another_answer_does_not_fit(
    server: Server, citizen: Citizen, agency: Agency
) -> None:
    token = agency.token(citizen.offer()["code"])
    one, other = (agency.read(token, NAMES[0]).json()["receipt"].split("\n") for _ in range(2))
    with pytest.raises(BadReceipt):
        held(server, "\n".join([one[0], other[1], *one[2:]]))


def test_a_refusal_has_no_receipt(citizen: Citizen, agency: Agency) -> None:
    token = agency.token(citizen.offer()["code"])
    refused = agency.read(token, "income.nothing")
    assert refused.status_code == 403
    assert "receipt" not in refused.json()
