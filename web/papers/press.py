"""The process that makes one PDF and ends: `python -I -m web.papers.press`, JSON in, PDF out.

The typesetter remembers what it laid out, for the next ten documents or for ever. A recovery code
or a citizen's data must not lie in a server's memory that long, and 1000 lines take 80 MB: so it
works here, with limits, and its memory ends with it. Only this module imports typst.
"""

import json
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import typst

TEMPLATES = Path(__file__).resolve().parent
STANDARD: Final = "ua-1"
CPU_SECONDS_MAX = 30
MEMORY_BYTES_MAX = 4 * 1024**3  # of addresses: the fonts and threads reserve more than they use


def press(template: str, data: dict[str, Any], made_at: int) -> bytes:
    """The PDF/UA-1 of a template and data that is parsed as JSON, never as markup."""
    return typst.compile(
        TEMPLATES / template,
        root=TEMPLATES,
        ignore_system_fonts=True,
        format="pdf",
        pdf_standards=[STANDARD],
        sys_inputs={"data": json.dumps(data)},
        timestamp=datetime.fromtimestamp(made_at // 1000, UTC),
    )


def main() -> None:
    """One order from standard input; the exit code says whether there is a PDF. Nothing else is
    written: an error of the typesetter quotes the text it stumbled on.
    """
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    order = json.load(sys.stdin.buffer)
    sys.stdout.buffer.write(press(**order))


if __name__ == "__main__":
    main()
