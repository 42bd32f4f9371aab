"""Tagged PDF (PDF/UA-1) from one of our templates and data that is never read as markup.

The data goes in as one JSON text, which the template parses. No network, no font and no file but
the templates beside this module is looked at: they import nothing else. The same data and moment
give the same bytes.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import typst

from web.papers.glyphs import printable

_TEMPLATES = Path(__file__).resolve().parent
STANDARD: Final = "ua-1"


def typeset(template: str, data: Mapping[str, Any], made_at: int) -> bytes:
    """The PDF of `template`, a name beside this module; `made_at` is Unix milliseconds."""
    return typst.compile(
        _TEMPLATES / template,
        root=_TEMPLATES,
        ignore_system_fonts=True,
        format="pdf",
        pdf_standards=[STANDARD],
        sys_inputs={"data": json.dumps(_shown(dict(data)))},
        timestamp=datetime.fromtimestamp(made_at // 1000, UTC),
    )


def _shown(part: Any) -> Any:
    if isinstance(part, str):
        return printable(part)
    if isinstance(part, dict):
        return {name: _shown(each) for name, each in part.items()}
    if isinstance(part, list | tuple):
        return [_shown(each) for each in part]
    return part
