"""The recovery sheet: one A4 page with the two codes, for the place where the passport lies.

The codes come in from the page that shows them, once, and go out in the PDF. Nothing is kept.
"""

from web.papers.tongue import Tongue
from web.papers.typeset import typeset

CODE_CHARACTERS_MAX = 64


class BadCode(ValueError):
    """A code that is none: it is not printed. The message never repeats it."""

    def __init__(self) -> None:
        super().__init__("A code is up to 64 letters and digits, with hyphens or spaces.")


def recovery_sheet(
    recovery_code: str, block_code: str, tongue: Tongue, url: str, made_at: int
) -> bytes:
    """PDF/UA-1 of one page. Codes are grouped as they come; raises `BadCode`."""
    _ = tongue.say
    data = {
        "title": _("Your recovery sheet"),
        "language": tongue.language,
        "footer": _("Made on {day} for {url}", day=tongue.day(made_at), url=url),
        "page_word": _("Page"),
        "about": [
            _("You need this paper when your phone or computer is lost, stolen or broken."),
        ],
        "parts": [
            {
                "title": _("Recovery code: opens your vault"),
                "groups": _groups(recovery_code),
                "lines": [
                    _("Go to {url} on another device. Choose to open your vault with this code.",
                      url=url),
                    _("Type this code. Capitals, spaces and hyphens do not matter."),
                    _("Then take the lost device away, and make a new code and a new sheet."),
                ],
            },
            {
                "title": _("Block code: shuts your vault"),
                "groups": _groups(block_code),
                "lines": [
                    _("Go to {url} on any device. Choose to block your vault. You need no passkey.",
                      url=url),
                    _("From then on nobody gets in or reads, until you use the recovery code."),
                ],
            },
        ],
        "keep": {
            "title": _("Keep it safe"),
            "lines": [
                _("Keep this paper where you keep your passport. Take no photo of it."),
                _("Whoever has the recovery code can open your vault. Nobody who works for us"
                  " needs it: give it to nobody who calls or writes."),
                _("Nobody can make these codes again. Without code and device your data is lost."),
            ],
        },
        "notes": _("Your notes"),
    }  # fmt: skip
    return typeset("recovery.typ", data, made_at)


def _groups(code: str) -> list[str]:
    groups = code.replace("-", " ").split()
    whole = "".join(groups)
    if not (whole.isascii() and whole.isalnum() and len(code) <= CODE_CHARACTERS_MAX):
        raise BadCode
    return groups
