"""Which characters the fonts of the typesetter can show, and what stands for those they cannot.

PDF/UA does not allow a character without a glyph, and a citizen's paper must not fail on a name.
The fonts hold all Latin letters there are, Greek, Cyrillic, Armenian, Georgian and Hebrew. Arabic,
Chinese and other scripts are printed as code points, `[U+4E2D]`: the JSON export has them as such.
"""

import re

_SHOWN = (
    (0x20, 0x7E),
    (0xA0, 0xAC),
    (0xAE, 0x36F),  # Latin of every European language, spoken sounds, accents
    (0x370, 0x377),
    (0x37A, 0x37F),
    (0x384, 0x38A),
    (0x38C, 0x38C),
    (0x38E, 0x3A1),
    (0x3A3, 0x482),
    (0x48A, 0x4FF),
    (0x531, 0x556),
    (0x559, 0x58A),
    (0x5D0, 0x5EA),
    (0x10D0, 0x10FF),
    (0x1E00, 0x1EFF),
    (0x2010, 0x2015),
    (0x2018, 0x2027),
    (0x202F, 0x203A),
    (0x20A0, 0x20BF),
)
_TABLE = frozenset(code for first, last in _SHOWN for code in range(first, last + 1))


_BREAK = "\u200b"  # no width: a line may end there
_LONG_WORD = re.compile(r"\S{25,}")
_LONG = re.compile(r"\S{12}(?=\S)")


def printable(text: str) -> str:
    """The text with each character that has no glyph written as its code point.

    Long words may break, so that none runs out of its cell and off the paper.
    """
    shown = "".join(each if ord(each) in _TABLE else f"[U+{ord(each):04X}]" for each in text)
    return _LONG_WORD.sub(lambda word: _LONG.sub(rf"\g<0>{_BREAK}", word[0]), shown)


def is_printable(text: str) -> bool:
    """Whether the text is printed as it is."""
    return all(ord(each) in _TABLE for each in text)
