"""What the field of a code that was refused keeps, so that a slip can be mended without modules.

Only what begins as a code of its kind, in the groups that paper and phone show it in: what was
meant for another place, such as a recovery code, is put into no page (docs/decisions/0055).
"""

import re

_CHARACTERS_MAX = 45  # the longest code has 37
# A recovery code has 30 characters and no prefix: one in a thousand begins as a block code does.
# What is as long as one, or not much shorter, does not come back: check bits tell what is missing.
_AS_RECOVERY = range(20, 32)
_LOOKALIKES = str.maketrans("OIL", "011")


def to_mend(typed: str, prefix: str, group: int) -> str:
    """The code in groups of so many letters, or nothing."""
    code = folded(typed)
    is_other = len(code) in _AS_RECOVERY or len(code) > _CHARACTERS_MAX
    if is_other or not code.startswith(prefix):
        return ""
    body = code[len(prefix) :]
    return " ".join([prefix, *(body[at : at + group] for at in range(0, len(body), group))])


def folded(typed: str) -> str:
    """What counts of what was typed: no spaces, capitals, 0 and 1 for their like."""
    return re.sub(r"[\s-]", "", typed).upper().translate(_LOOKALIKES)
