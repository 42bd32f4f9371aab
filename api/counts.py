"""What this process counted, for api/metrics.py to show. Nothing here names anybody.

Labels come from lists that end: routes as the document names them, statuses, stable codes, loggers.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_ITEMS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

COUNTS = CollectorRegistry()
REQUESTS = Counter(
    "kluis_requests", "Requests answered.", ("route", "method", "status"), registry=COUNTS
)
SECONDS = Histogram(
    "kluis_request_seconds", "From head to answer.", ("route",), buckets=_SECONDS, registry=COUNTS
)
REFUSALS = Counter("kluis_refusals", "Refusals, by their stable code.", ("code",), registry=COUNTS)
ENTRIES = Counter("kluis_entries", "Entries handed to the log by this process.", registry=COUNTS)
BATCH_ITEMS = Histogram("kluis_batch_items", "Items per batch.", buckets=_ITEMS, registry=COUNTS)
COMMIT_SECONDS = Histogram(
    "kluis_commit_seconds", "Time a batch took.", buckets=_SECONDS, registry=COUNTS
)
LOGGED = Counter(
    "kluis_log_lines", "Warnings and errors told.", ("logger", "level"), registry=COUNTS
)
WAITING = Gauge("kluis_queue_items", "Items that wait for a commit.", registry=COUNTS)
