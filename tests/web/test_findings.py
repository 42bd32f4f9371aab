"""What a check found is told in the reader's language, with the check's own words beneath."""

import html
import re

import pytest

from evidence.findings import CODES, Finding
from tests.browser.stage import AUDITOR, Stage
from tests.serving import Site, served
from tests.web.officers import browser_of
from tests.web.visiting import Visitor
from vault.steps import sql
from web import cookies
from web.findings import DETAILS_MAX, FOUND, told
from web.words import LANGUAGES, words

LOST = {
    "en": "Among the entries of a vault, one is missing or there twice.",
    "nl": "Van de regels van een kluis ontbreekt er een, of er staat er een dubbel.",
    "fr": "Parmi les entrées d’un coffre-fort, une manque ou est là deux fois.",
    "de": "Von den Einträgen eines Datentresors fehlt einer oder steht einer doppelt da.",
}


def test_every_code_has_a_text_of_its_own_in_every_language() -> None:
    assert set(FOUND) == set(CODES)
    for language in LANGUAGES:
        texts = [words(language).gettext(text) for text in FOUND.values()]
        assert len(set(texts)) == len(CODES)
        if language != "en":
            assert set(texts).isdisjoint(FOUND.values()), language


def test_findings_of_a_code_stand_together_and_those_that_are_left_out_are_counted() -> None:
    found = [Finding(at, code, "x") for at in range(DETAILS_MAX + 2) for code in ("leaf", "order")]
    leaf, order = told(found, words("en"))
    assert (leaf.text, order.text) == (FOUND["leaf"], FOUND["order"])
    assert leaf.details[:2] == ("leaf: entry 0: x", "leaf: entry 1: x")
    assert (len(leaf.details), leaf.more) == (DETAILS_MAX, 2)
    assert told([], words("nl")) == ()


def details(page: str) -> list[str]:
    return [html.unescape(one) for one in re.findall(r'<li lang="en">(.*?)</li>', page)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_citizen_reads_what_does_not_fit_in_her_language(site: Site, language: str) -> None:
    citizen = site.store.citizen()
    visitor = Visitor(site, citizen, language)
    for name in ("A", "B"):
        citizen.put({"identity.given_name": name})
    places = re.findall(r'href="/wallet/activity/1\.(\d+)"', visitor.get("/wallet/activity").text)
    with site.store.vault.system.main.write() as connection:
        connection.execute(sql("DELETE FROM audit_opening WHERE idx = :i"), {"i": int(places[1])})
    for path in ("/wallet/activity", "/wallet/activity/check"):
        page = visitor.get(path).text
        assert LOST[language] in html.unescape(page)
        assert [one.partition(":")[0] for one in details(page)] == ["subject_seq"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_auditor_reads_what_does_not_fit_in_her_language(
    tmp_path_factory: pytest.TempPathFactory, language: str
) -> None:
    with served(tmp_path_factory.mktemp("changed")) as site:
        auditor = browser_of(Stage.set(site), AUDITOR)
        auditor.held[cookies.LANGUAGE] = language
        with site.store.vault.system.main.write() as connection:
            connection.execute(sql("UPDATE audit_leaf SET leaf_data = zeroblob(33) WHERE idx = 5"))
        page = auditor.get("/auditor/check?now=1").text
    assert words(language).gettext(FOUND["root"]) in html.unescape(page)
    assert details(page)
