"""An auditor's pages over HTTP: who may open them, what each look leaves, what they find."""

import io
import json
import re
from urllib.parse import quote

import pytest

from crypto import jose
from crypto.encoding import b64u
from evidence.archive import Reader
from evidence.cosignature import parse_verifier
from evidence.examination import verify_export
from evidence.export import POLICY
from operate.examining import Window, read
from tests.browser.stage import AGENCY, AUDITOR, Stage
from tests.builders import AgencyDesk, texts
from tests.serving import Site, served
from tests.web.officers import Officer, browser_of, log, looks
from vault import caller
from vault.errors import InvalidGrant
from vault.steps import sql
from web import cookies
from web.auditor.seen import SEEN
from web.pages import HEADERS

PATHS = ("/auditor", "/auditor/entries", "/auditor/entry?at=1.1", "/auditor/pictures",
         "/auditor/check", "/auditor/export")  # fmt: skip


@pytest.fixture(scope="module")
def stage(site: Site) -> Stage:
    stage = Stage.set(site)
    made = stage.citizen.unlock().offer(stage.agency, stage.mandatory)
    stage.site.store.vault.end_grant(stage.citizen.owner, made.grant_id)
    with pytest.raises(InvalidGrant):
        stage.agency.redeem(made.code)
    return stage


@pytest.fixture
def auditor(stage: Stage) -> Officer:
    return browser_of(stage, AUDITOR)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_open_to_officers_of_an_auditor_alone(
    path: str, stage: Stage, auditor: Officer
) -> None:
    assert auditor.get(path).status_code == 200
    before = len(log(stage.site))
    agency = browser_of(stage, stage.agency.id)
    refused = agency.get(path + ("&" if "?" in path else "?") + "show=1&now=1")
    assert refused.status_code == 403
    assert cookies.READING not in agency.held
    assert len(log(stage.site)) == before + 1, "the invited officer's entry, and no look"
    stranger = Officer(stage.site.url).get(path)
    assert (stranger.status_code, stranger.headers["location"]) == (303, "/auditor/sign-in")


def test_an_auditors_officer_opens_no_desk(stage: Stage, auditor: Officer) -> None:
    assert auditor.get("/desk").status_code == 403
    assert auditor.post("/desk/redeem", code="VG1").status_code == 403
    assert browser_of(stage, stage.agency.id).post("/auditor/export").status_code == 403


def test_a_look_is_an_entry_with_the_officer_and_nothing_is_one_before(stage: Stage) -> None:
    auditor = browser_of(stage, AUDITOR, "k.vandijk")
    before = len(looks(stage.site))
    for path in ("/auditor", "/auditor/entries", "/auditor/pictures", "/auditor/check",
                 "/auditor/export"):  # fmt: skip
        assert auditor.get(path).status_code == 200
    assert len(looks(stage.site)) == before
    auditor.get("/auditor/entries?show=1")
    auditor.get("/auditor/pictures?show=1")
    auditor.get("/auditor/check?now=1")
    auditor.post("/auditor/export")
    found = looks(stage.site)[before:]
    assert [one.action for one in found] == ["log.read"] * 3 + ["log.export"]
    assert {one.officer and one.officer.id for one in found} == {"k.vandijk"}
    assert {one.actor.id for one in found} == {AUDITOR}
    assert all(one.count for one in found)


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("action=data.read", 3),
        ("action=data.read&officer=l.peeters", 2),
        ("action=data.read&officer=nobody", 0),
        ("outcome=denied&agency={agency}", 1),
        ("use={use}&action=data.read", 3),
        ("use=another", 0),
        ("agency=https%3A%2F%2Fnobody.example", 0),
        ("action=data.read&subject={subject}", 3),
        ("subject=AAAAAAAAAAAAAAAAAAAAAA", 0),
        ("action=data.read&to=2001-01-01", 0),
        ("action=data.read&from=2999-01-01", 0),
    ],
)
def test_a_search_finds_what_fits_and_nothing_else(
    query: str, fits: int, stage: Stage, auditor: Officer
) -> None:
    agency = quote(stage.agency.id, safe="")
    entries = read(stage.site.store.vault.system, Window(most=10_000))
    subject = next(
        one.bodies[1].subject
        for one in entries
        if one.bodies and one.bodies[0].action == "data.read"
    )
    asked = query.format(agency=agency, use=stage.agency.use, subject=b64u(subject))
    page = auditor.get(f"/auditor/entries?show=1&{asked}")
    assert page.status_code == 200
    assert len(re.findall(r'<th scope="row"', page.text)) == fits, page.text


@pytest.mark.parametrize("wrong", ["from=yesterday", "subject=x", "action=x", "outcome=x",
                                   "after=x", "officer=" + "x" * 300])  # fmt: skip
def test_a_search_that_can_not_be_understood_looks_at_nothing(
    wrong: str, stage: Stage, auditor: Officer
) -> None:
    before = len(looks(stage.site))
    page = auditor.get(f"/auditor/entries?show=1&{wrong}")
    assert page.status_code == 200
    assert '<th scope="row"' not in page.text
    assert len(looks(stage.site)) == before


def test_pages_of_a_search_hold_every_entry_once(
    stage: Stage, auditor: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.auditor.entries.PAGE_ENTRIES", 5)
    whole = [place.split(">")[0] for place in places(auditor, "?show=1&to=")]
    assert len(whole) == len(set(whole)) > 10
    assert whole == sorted(whole, key=lambda one: tuple(map(int, one.split("."))))


def places(auditor: Officer, query: str) -> list[str]:
    found: list[str] = []
    for _ in range(100):
        text = auditor.get("/auditor/entries" + query).text
        found += re.findall(r'/auditor/entry\?at=([0-9.]+)">', text)
        more = re.search(r'<a class="button secondary" href="(\?[^"]+)"', text)
        if more is None or len(found) > 30:
            return found
        query = more[1].replace("&amp;", "&")
    raise AssertionError("no end")


def test_an_entry_says_all_and_is_proved(stage: Stage, auditor: Officer) -> None:
    text = auditor.get("/auditor/entries?show=1&action=data.read&officer=l.peeters").text
    place = re.findall(r"/auditor/entry\?at=([0-9.]+)", text)[0]
    page = auditor.get(f"/auditor/entry?at={place}").text
    for said in ("Data read", "Permitted", "l.peeters", stage.agency.id, "Given (", "Asked (",
                 "It stands in the signed log", "Its content is what was recorded"):  # fmt: skip
        assert said in page, said
    assert "Noortje" not in page
    assert auditor.get("/auditor/entry?at=1.999999").status_code == 404
    assert auditor.get("/auditor/entry?at=nonsense").status_code == 404


def test_a_check_finds_a_whole_log_whole_and_a_changed_one_changed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with served(tmp_path_factory.mktemp("changed")) as site:
        stage = Stage.set(site)
        auditor = browser_of(stage, AUDITOR)
        first = auditor.get("/auditor/check?now=1").text
        assert "Everything fits" in first
        assert "had seen no checkpoint yet" in first
        again = auditor.get("/auditor/check?now=1").text
        assert "It is a beginning of this log" in again

        number, size, root = auditor.held[SEEN].split(".")
        held = auditor.held[SEEN]
        auditor.held[SEEN] = f"{number}.{size}.{root[::-1]}"
        forked = auditor.get("/auditor/check?now=1").text
        assert "does not go on from what this browser saw" in forked
        assert "Something does not fit" in forked
        kept = f"{number}.{size}.{root[::-1]}"
        assert auditor.held[SEEN] == kept, "the browser keeps what convicts the log"

        auditor.held[SEEN] = held
        with site.store.vault.system.main.write() as connection:
            connection.execute(sql("DELETE FROM audit_opening WHERE idx = 9"))
        lost = auditor.get("/auditor/check?now=1").text
        assert "Something does not fit" in lost
        assert "Closed without a rule: 1 entries" in lost


def test_an_export_is_whole_and_names_the_one_before(stage: Stage, auditor: Officer) -> None:
    first = auditor.post("/auditor/export")
    assert first.headers["content-type"] == "application/zip"
    assert first.headers["content-disposition"] == 'attachment; filename="vault-audit.zip"'
    for name in ("Cache-Control", "Content-Security-Policy"):
        assert first.headers[name] == HEADERS[name]
    reader = Reader(io.BytesIO(first.content))
    keys = [
        parse_verifier(line.removeprefix("log "))
        for line in reader.read(POLICY, 10_000).decode().splitlines()
        if line.startswith("log ")
    ]
    assert verify_export(reader, keys).findings == ()
    note = reader.read("checkpoint", 10_000).decode()
    second = auditor.post("/auditor/export", previous=note.replace("\n", "\r\n"))
    later, before = Reader(io.BytesIO(second.content)), Reader(io.BytesIO(first.content))
    assert verify_export(later, keys, before).findings == ()
    assert b'"previous":' in later.read("manifest.json", 100_000)


@pytest.mark.parametrize("previous", ["nonsense", f"log.example\n{10**17}\n{'A' * 43}="])
def test_an_export_that_goes_on_from_nonsense_is_none(
    stage: Stage, auditor: Officer, previous: str
) -> None:
    before = len(looks(stage.site))
    answer = auditor.post("/auditor/export", previous=previous)
    assert answer.status_code == 400
    assert "no checkpoint" in answer.text
    assert len(looks(stage.site)) == before


def test_pictures_have_their_figures_as_text(stage: Stage, auditor: Officer) -> None:
    page = auditor.get("/auditor/pictures?show=1").text
    assert page.count("<svg xmlns") == 4
    assert "Asked, and not given" in page
    assert re.search(r'Municipality of Waterbeek</th><td class="number">3</td>', page)


def test_the_token_of_another_session_is_not_used(stage: Stage, auditor: Officer) -> None:
    auditor.get("/auditor/entries?show=1")
    other = browser_of(stage, AUDITOR)
    other.held[cookies.READING] = auditor.held[cookies.READING]
    before = len(log(stage.site))
    assert other.get("/auditor/entries?show=1").status_code == 200
    assert [one.reason for one in log(stage.site)[before:]] == [None]
    assert other.held[cookies.READING] != auditor.held[cookies.READING]


def test_what_an_agency_is_called_stays_text(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    hostile = '"><script>alert(1)</script>'
    with served(tmp_path_factory.mktemp("hostile")) as site:
        stage = Stage.set(site)
        site.store.agency(
            "https://hostile.example", {"identity.full_name": False}, names=texts(hostile)
        )
        desk = AgencyDesk(site.store.vault, "https://hostile.example", "test-use", stage.agency.key)
        made = stage.citizen.unlock().offer(desk, ["identity.full_name"])
        desk.read(desk.redeem(made.code).token, ["identity.full_name"], officer=hostile)
        auditor = browser_of(stage, AUDITOR)
        for path in ("entries?show=1", "pictures?show=1", "check?now=1"):
            page = auditor.get(f"/auditor/{path}")
            assert page.status_code == 200
            assert "<script>alert" not in page.text


def test_an_offer_of_a_use_that_several_agencies_have_says_its_purpose_while_it_is_one(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    document = json.loads(AGENCY.read_text("utf-8"))
    with served(tmp_path_factory.mktemp("two")) as site:
        stage = Stage.set(site)
        auditor = browser_of(stage, AUDITOR)
        document["jwks"] = {"keys": [jose.public_jwk(stage.agency.key)]}
        offers = "/auditor/entries?show=1&action=offer.create"
        for id_, purpose, said in (
            ("https://second.example", "Give a parking permit to residents", True),
            ("https://third.example", "Count who parks where", False),
        ):
            document["id"] = id_
            document["intended_uses"][0]["purpose"]["en"] = purpose
            site.store.vault.register_agency(caller.Operator(), document)
            page = auditor.get(offers).text
            assert ("<td>Give a parking permit to residents</td>" in page) == said
            assert ("<td>parking-permit</td>" in page) == (not said)
