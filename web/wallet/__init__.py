"""The citizen's pages."""

from web.wallet import access, data, home, keys, lost, settings, share, start, unlock

ROUTERS = (
    home.router, start.router, unlock.router, settings.router, keys.router, lost.router,
    data.router, share.router, access.router,
)  # fmt: skip
