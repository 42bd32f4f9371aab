"""The pages, added to the application that serves the API: one server, one vault, two doors."""

from pathlib import Path

from fastapi import FastAPI

from vault.vault import Vault
from web import desk, shell, statics, wallet
from web.pages import Pages
from web.statics import Statics

ROUTERS = (*wallet.ROUTERS, *desk.ROUTERS, shell.router, statics.router)


def add_pages(
    app: FastAPI, vault: Vault, *, practice: bool = False, theme: Path | None = None
) -> None:
    """Adds every page. `practice`: the people are made up, and every page says so."""
    app.state.pages = Pages(vault, Statics(theme), practice=practice)
    for router in ROUTERS:
        app.include_router(router)
