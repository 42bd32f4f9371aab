"""People who are stuck are told who runs it, and whom they can call."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from cli.server import make_app
from tests.serving import served
from vault.settings import Settings, load_settings

EN = {"Accept-Language": "en"}
TOLD: dict[str, Any] = {
    "organisation": "Gemeente <Waterbeek>",
    "help_phone": "+31 (0)12 345-67",
    "help_url": "https://waterbeek.example/balies",
    "privacy_url": "https://waterbeek.example/privacy",
    "accessibility_url": "mailto:toegankelijk@waterbeek.example",
}


def test_name_and_number_stand_below_every_page(tmp_path: Path) -> None:
    with served(tmp_path, **TOLD) as site, httpx.Client(base_url=site.url, headers=EN) as client:
        for path in ("/", "/help", "/lost", "/desk/sign-in", "/auditor/sign-in", "/desk/nowhere"):
            foot = client.get(path, headers={"Accept": "text/html", **EN}).text.partition(
                "<footer"
            )[2]
            assert "Gemeente &lt;Waterbeek&gt; runs this website." in foot, path
            assert 'href="tel:+311234567"' in foot, path


def test_statements_and_counters_stand_on_the_page_help(tmp_path: Path) -> None:
    with served(tmp_path, **TOLD) as site:
        page = httpx.get(f"{site.url}/help", headers=EN).text
    for name in ("help_url", "privacy_url", "accessibility_url"):
        assert f'href="{TOLD[name]}"' in page, name
    assert "give it to nobody, also not on the phone" in page


def test_where_nobody_is_named_nobody_is_promised(tmp_path: Path) -> None:
    with served(tmp_path) as site:
        page = httpx.get(f"{site.url}/help", headers=EN).text
    for text in ("runs this website", "Questions?", "tel:", "statement</a>", "opening hours"):
        assert text not in page, text


@pytest.mark.parametrize("link", ["javascript:alert(1)", "http://x.example", "https://x y", "x"])
@pytest.mark.parametrize("name", ["help_url", "privacy_url", "accessibility_url"])
def test_a_link_that_is_none_is_told_at_the_start(tmp_path: Path, name: str, link: str) -> None:
    (tmp_path / "kluis.toml").write_text(f"keys = 'k'\nanchor = 'a'\n{name} = {link!r}\n", "utf-8")
    with pytest.raises(ValidationError, match=name):
        load_settings(tmp_path)
    assert Settings.model_fields[name].default == ""


def test_templates_get_no_other_setting(tmp_path: Path) -> None:
    with served(tmp_path, database_url="", **TOLD) as site:
        pages = make_app(site.store.vault).state.pages
        assert pages._by_language["en"].globals["runs"] == TOLD
