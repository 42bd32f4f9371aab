"""Answers of the population register for tests, and what they become."""

import json
from pathlib import Path
from typing import Any

import pytest

from catalogue.brp import Imported, person_from_answer
from catalogue.brp_answer import BadAnswer
from catalogue.fields import load_catalogue

ROOT = Path(__file__).resolve().parents[2]
FICTIONAL = json.loads((ROOT / "cli" / "fictional_person.json").read_text("utf-8"))
DEMO_AGENCY = json.loads((ROOT / "cli" / "demo_agency.json").read_text("utf-8"))
CATALOGUE = load_catalogue()
BSN = "999942037"
CANARY = "KANARIE-7QX"


def imported(**parts: Any) -> Imported:
    return person_from_answer({"burgerservicenummer": BSN, **parts}, BSN)


def value(field: str, **parts: Any) -> Any:
    return imported(**parts).values.get(field)


def refusal(answer: object, bsn: str = BSN) -> str:
    with pytest.raises(BadAnswer) as refused:
        person_from_answer(answer, bsn)
    assert CANARY not in f"{refused.value!r}"
    return refused.value.code
