"""Lines of JSON in one spelling, so that a rendering can be made again and compared."""

import json
from typing import Any


def line(value: dict[str, Any]) -> bytes:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"
