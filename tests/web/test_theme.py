"""A deployment's own style sheet: loaded after ours, or said to be missing."""

import re
from pathlib import Path

import httpx
import pytest

from cli.server import make_app
from tests.builders import Store
from tests.serving import served
from vault.errors import NotReady


def test_the_theme_is_loaded_last(tmp_path: Path) -> None:
    theme = tmp_path / "own.css"
    theme.write_text(":root { --accent: #123456 }")
    with served(tmp_path, theme=str(theme)) as site, httpx.Client(base_url=site.url) as client:
        sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', client.get("/").text)
        assert sheets[-1].endswith("/css/theme.css")
        assert client.get(sheets[-1]).text == theme.read_text()


def test_without_a_theme_none_is_asked_for(tmp_path: Path) -> None:
    with served(tmp_path) as site:
        assert "theme.css" not in httpx.get(site.url).text


def test_a_theme_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    store = Store.make(tmp_path)
    store.reopen(theme=str(tmp_path / "nowhere.css"))
    with pytest.raises(NotReady, match=r"nowhere\.css"):
        make_app(store.vault)
    store.close()
