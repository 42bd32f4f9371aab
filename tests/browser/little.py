"""A little site of made-up pages, for tests of modules that need no vault."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from web.vendor import FILES

MODULES = Path(__file__).resolve().parents[2] / "web" / "static" / "js"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; worker-src 'self'; media-src 'self' blob:; form-action 'self'; "
    "base-uri 'none'; require-trusted-types-for 'script'; trusted-types kluis"
)
WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".wasm": "application/wasm",
}


@dataclass
class LittleSite:
    """Serves `files` by path, our modules below `/js/`, files of others below `/vendor/`."""

    url: str
    files: dict[str, str]
    asked: list[str] = field(default_factory=list)

    def page(self, name: str, body: str, *, script: str = "", style: str = "") -> str:
        """Puts a page there, under the policy of our pages; its address."""
        self.files[f"/{name}.js"], self.files[f"/{name}.css"] = script, style
        self.files[f"/{name}.html"] = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>'
            f'<meta name="viewport" content="width=device-width">'
            f'<link rel="stylesheet" href="/{name}.css"><link rel="icon" href="data:,">'
            f'<script type="module" src="/{name}.js"></script>{body}'
        )
        return f"{self.url}/{name}.html"

    def content(self, path: str) -> bytes | None:
        folder, _, name = path[1:].partition("/")
        if path == "/scan-worker.js":
            return (MODULES / "scan-worker.js").read_bytes()
        if folder == "js" and (MODULES / name).is_file():
            return (MODULES / name).read_bytes()
        if folder == "vendor" and name in FILES:
            return FILES[name].read_bytes()
        return self.files[path].encode() if path in self.files else None


@contextmanager
def little_site() -> Iterator[LittleSite]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            path = self.path.partition("?")[0]
            content = site.content(path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Type", _TYPES.get(Path(path).suffix, "text/plain"))
            worker = path == "/scan-worker.js"
            self.send_header("Content-Security-Policy", WORKER_POLICY if worker else POLICY)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = LittleSite(f"http://localhost:{server.server_port}", {})
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
