"""OpenTelemetry traces of requests, by its ASGI instrumentation (the extra `tracing`).

The instrumentation would note address, query, headers and path. It is shown a request that has none
of them: a route, a method, a status, and the caller's trace if one is named. The real request goes
past it.
"""

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from starlette.types import ASGIApp, Receive, Scope, Send

from api.observed import Routes

_REAL = "kluis.scope"
_TRACE_HEADERS = {b"traceparent", b"tracestate"}


def exporting() -> TracerProvider:
    """Sends spans where `OTEL_EXPORTER_OTLP_ENDPOINT` says, over HTTP, in the background."""
    provider = TracerProvider(resource=Resource.create({"service.name": "kluis"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class Traced:
    """An application whose requests become spans of a provider."""

    def __init__(self, app: ASGIApp, provider: TracerProvider) -> None:
        self._app = app
        self._routes = Routes()
        self._instrumented = OpenTelemetryMiddleware(
            self._see_again, tracer_provider=provider, exclude_spans=["receive", "send"]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route = self._routes.of(scope["path"])
        blind = {
            "type": "http",
            "asgi": scope["asgi"],
            "http_version": scope["http_version"],
            "method": scope["method"],
            "scheme": scope["scheme"],
            "path": route,
            "raw_path": route.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [one for one in scope["headers"] if one[0] in _TRACE_HEADERS],
            "client": None,
            "server": None,
            _REAL: scope,
        }
        await self._instrumented(blind, receive, send)

    async def _see_again(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope[_REAL], receive, send)
