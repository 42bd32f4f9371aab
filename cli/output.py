"""Everything a command prints goes through `Output`: words for people, or one JSON object.

People read on standard output; progress and warnings go to standard error. With `--json` standard
output holds exactly one object and nothing else. What comes from a server or a file is shown
without control characters, so that it can't steer a terminal.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from cli.errors import CliError

_PIPE_COLUMNS = 400  # what is not a terminal does not wrap
_DAY_CHARACTERS = 10


class Output:
    """Where a command's words go. `as_json`: for scripts."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self._out = _console(stderr=False)
        self._err = _console(stderr=True)

    @property
    def is_terminal(self) -> bool:
        """A person is looking, and can answer."""
        return self._out.is_terminal and sys.stdin.isatty()

    def answer(self, result: Mapping[str, Any]) -> None:
        """The result of a command for scripts; people get theirs by `say`."""
        if self.as_json:
            self._out.print(json.dumps(result), soft_wrap=True)

    def say(self, line: str = "", style: str = "") -> None:
        if not self.as_json:
            self._out.print(Text(plain(line), style), soft_wrap=True)

    def warn(self, line: str) -> None:
        """Something to know, beside the result. Scripts find it on standard error as well."""
        self._err.print(Text(plain(line), "yellow"), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Rows under headings; every word of them is shown, folded where the line is too short."""
        if self.as_json:
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(plain(cell)) for cell in row))
        with self._out.capture() as captured:
            self._out.print(table)
        for line in captured.get().splitlines():
            self._out.print(Text.from_ansi(line.rstrip()), soft_wrap=True)

    def picture(self, lines: Sequence[str]) -> None:
        """A picture of half blocks, ink on paper: black on white on every terminal."""
        if self.as_json:
            return
        if self._out.is_terminal:
            # Colours carry the meaning here, so a terminal theme or NO_COLOR must not take them.
            paper = Console(force_terminal=True, color_system="256", no_color=False)
            for line in lines:
                paper.print(Text(line, "color(16) on color(231)"), soft_wrap=True)
        else:
            for line in lines:
                self._out.print(Text(line), soft_wrap=True)

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Shows that something takes a moment, on a terminal only."""
        if self._err.is_terminal and not self.as_json:
            with self._err.status(Text(what)):
                yield
        else:
            yield

    @contextmanager
    def counting(self, what: str, total: int) -> Iterator[Callable[[float], None]]:
        """Shows how many of `total` are done, on a terminal only; to be told how many more are."""
        if not self._err.is_terminal or self.as_json:
            yield lambda _: None
            return
        columns = (
            BarColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f}"),
            TextColumn(what),
        )
        with Progress(*columns, console=self._err, transient=True) as progress:
            task = progress.add_task(what, total=total)
            yield lambda more: progress.advance(task, more)

    def error(self, error: CliError) -> None:
        if self.as_json:
            shown = {"code": error.code, "message": plain(error.message)}
            self._out.print(json.dumps({"error": shown}), soft_wrap=True)
        else:
            self._err.print(Text(plain(error.message), "red"), soft_wrap=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_COLUMNS
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def plain(text: str) -> str:
    """The text with every character that can't be seen replaced, line ends excepted."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def when(instant: str) -> str:
    """An instant of the API on the clock of this computer: `2026-11-21 14:05:09`; a day as is."""
    if len(instant) == _DAY_CHARACTERS:
        return instant
    try:
        return f"{datetime.fromisoformat(instant).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return instant


def shown(value: object) -> str:
    """A field's value as people read it: a list as words with commas."""
    if isinstance(value, list):
        return ", ".join(shown(each) for each in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def in_groups(code: str, prefix: str = "VG1", group: int = 4) -> str:
    """`VG17K3M...` as people read it aloud: `VG1 7K3M 9Q0T ...`."""
    rest = code.removeprefix(prefix)
    parts = [rest[i : i + group] for i in range(0, len(rest), group)]
    return " ".join([prefix, *parts] if code.startswith(prefix) else parts)
