"""The HTTP door of a witness: C2SP tlog-witness, whose bodies are plain text.

It is an application of its own: a witness serves no vault. Submission prefix and monitoring prefix
are the same.
"""

from collections.abc import Callable
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.edge import Edge
from evidence.witness import BODY_BYTES_MAX, SIZE_TYPE, NotWitnessed
from vault.errors import Unavailable

Add = Callable[[bytes], str]
Newest = Callable[[str], str | None]


def witness_app(add: Add, newest: Newest) -> Starlette:
    """`add` judges a submission; `newest` finds a cosigned note by the SHA-256 of its origin."""

    async def add_checkpoint(request: Request) -> Response:
        try:
            return PlainTextResponse(await run_in_threadpool(add, await request.body()))
        except NotWitnessed as refused:
            return _refusal(refused)
        except Unavailable:
            return PlainTextResponse("try again\n", HTTPStatus.SERVICE_UNAVAILABLE)

    async def checkpoint(request: Request) -> Response:
        note = await run_in_threadpool(newest, request.path_params["place"])
        if note is None:
            return PlainTextResponse("no such log\n", HTTPStatus.NOT_FOUND)
        return PlainTextResponse(note)

    app = Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/{place}/checkpoint", checkpoint, methods=["GET"]),
        ]
    )
    app.router.redirect_slashes = False
    app.add_middleware(Edge, body_bytes_max=BODY_BYTES_MAX)
    return app


def _refusal(refused: NotWitnessed) -> Response:
    if refused.status == HTTPStatus.CONFLICT:
        return Response(f"{refused.size}\n", refused.status, media_type=SIZE_TYPE)
    return PlainTextResponse(f"{refused.what}\n", refused.status)
