"""What a thief gets open who holds every dump that was ever taken, and the root keys.

He is the attacker of tests/vault/attacker.py, who knows the format by heart; here he carries what
he found in one dump on to the others. That no key opens what is not its own is tried there.
"""

import json
from collections.abc import Collection, Sequence
from copy import deepcopy
from itertools import product

from tests.model.state import Stated
from tests.vault.attacker import Attacker, Loot
from tests.vault.rows import Rows


def steal(
    mains: Sequence[Rows],
    keystores: Sequence[Rows],
    roots: Collection[bytes],
    secrets: Collection[bytes],
) -> set[Stated]:
    """Field and text of every statement that comes open. `keystores`: all that he holds."""
    stored = {row["salt"] for keystore in keystores for row in keystore["salt"]}
    salts: Rows = {"salt": [{"salt": salt} for salt in stored]}
    found: set[Stated] = set()
    known, before = Loot(), None
    while known != before:  # what the last dump gave may open something in the first
        before = deepcopy(known)
        for main, root in product(mains, roots):
            loot = Attacker(main, salts, root, secrets, thorough=False).knowing(known).loot()
            known.vault_secrets |= loot.vault_secrets
            known.seeds |= loot.seeds
            for statement in loot.read():
                body = json.loads(statement)
                found.add((body["field"], body["value"]))
    return found
