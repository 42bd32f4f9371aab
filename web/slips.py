"""What the field of a code that was refused keeps, so that a slip can be mended without modules.

Only what begins as a code of its kind, in the groups that paper and phone show it in: what was
meant for another place, such as a recovery code, is put into no page (docs/decisions/0055).
"""

import re

_CHARACTERS_MAX = 45  # the longest code has 37
_LOOKALIKES = str.maketrans("OIL", "011")


def to_mend(typed: str, prefix: str, group: int) -> str:
    """The code in groups of so many letters, or nothing."""
    code = folded(typed)
    if not code.startswith(prefix) or len(code) > _CHARACTERS_MAX:
        return ""
    body = code[len(prefix) :]
    return " ".join([prefix, *(body[at : at + group] for at in range(0, len(body), group))])


def folded(typed: str) -> str:
    """What counts of what was typed: no spaces, capitals, 0 and 1 for their like."""
    return re.sub(r"[\s-]", "", typed).upper().translate(_LOOKALIKES)
