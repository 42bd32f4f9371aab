"""The files of others that browsers get (decision 0044): name and place."""

from pathlib import Path

_ZXING = Path(__file__).with_name("node_modules") / "zxing-wasm" / "dist"
FILES = {
    "zxing_reader.js": _ZXING / "iife" / "reader" / "index.js",
    "zxing_reader.wasm": _ZXING / "reader" / "zxing_reader.wasm",
}
"""By the name below `vendor/`. They may be missing: see `web.browser_packages`."""
