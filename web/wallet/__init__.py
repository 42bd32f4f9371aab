"""The citizen's pages."""

from web.wallet import (
    access,
    activity,
    data,
    events,
    export,
    field,
    home,
    importing,
    keys,
    lost,
    report,
    settings,
    share,
    start,
    unlock,
)

_IN_ORDER = (
    home, start, unlock, settings, keys, lost,
    data, field, importing, export,
    share, access, events, activity, report,
)  # fmt: skip
ROUTERS = tuple(module.router for module in _IN_ORDER)
