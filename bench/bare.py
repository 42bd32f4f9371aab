"""Baseline (a): a bare FastAPI route that returns the same JSON as the audited read."""

from fastapi import FastAPI
from pydantic import BaseModel


class ReadValue(BaseModel):
    value: str
    source: str
    stated_at: str
    status: str


class Data(BaseModel):
    data: dict[str, ReadValue]
    receipt: str


FIELDS = (
    "identity.given_name",
    "identity.family_name",
    "identity.birth_date",
    "identity.birth_place",
    "address.resident_city",
)
# As long as one of a log with a thousand entries.
RECEIPT = "\n".join(
    ["c2sp.org/tlog-proof@v1", f"extra {'A' * 844}", "index 1000", *10 * ["A" * 44], "", "A" * 185]
)
app = FastAPI()


@app.get("/v1/data")
async def read() -> Data:
    value = ReadValue(value="Canaria", source="self", stated_at="2026-11-21", status="stated")
    return Data(data=dict.fromkeys(FIELDS, value), receipt=RECEIPT)
