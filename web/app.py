"""The pages, added to the application that serves the API: one server, one vault, two doors."""

from fastapi import FastAPI

from vault.vault import Vault
from web import auditor, desk, shell, wallet
from web.pages import Pages
from web.statics import Statics, theme_of
from web.statics import router as statics_router

ROUTERS = (
    *wallet.ROUTERS, *desk.ROUTERS, *auditor.ROUTERS,
    shell.officers, shell.router, statics_router, shell.last,
)  # fmt: skip


def add_pages(app: FastAPI, vault: Vault, *, practice: bool = False) -> None:
    """Adds every page. `practice`: the people are made up, and every page says so.

    Raises `NotReady` where the theme that the settings name can't be read.
    """
    statics = Statics(theme_of(vault.system.settings))
    app.state.pages = Pages(vault, statics, practice=practice)
    for router in ROUTERS:
        app.include_router(router)
