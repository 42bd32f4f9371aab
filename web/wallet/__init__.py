"""The citizen's pages."""

from web.wallet import access, data, home, share, start, unlock

ROUTERS = (home.router, start.router, unlock.router, data.router, share.router, access.router)
