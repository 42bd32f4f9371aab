"""The pages of an auditor: look things up, see what is usual, check the log, take it along."""

from web.auditor import check, entries, export, pictures, start

ROUTERS = (start.router, entries.router, pictures.router, check.router, export.router)
