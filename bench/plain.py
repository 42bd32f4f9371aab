"""Baseline (c): the plain build most teams would write: bearer JWT, Fernet, an audit row per read.

Untuned on purpose: one SQLModel session per request, one committed row per read, as tutorials do.
"""

import os
from collections.abc import Iterator

import jwt
from cryptography.fernet import Fernet
from fastapi import Depends, FastAPI, Header, HTTPException
from sqlmodel import Field, Session, SQLModel, create_engine, select

from bench.bare import FIELDS

SECRET = os.environ.get("BENCH_SECRET", "0" * 32)
FERNET = Fernet(b"MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=")


class Person(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    field: str = Field(index=True)
    value: bytes


class Read(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    agency: str
    field: str


engine = create_engine(os.environ.get("BENCH_DATABASE", "sqlite:///plain.db"))
SQLModel.metadata.create_all(engine)
with Session(engine) as first:
    if first.exec(select(Person)).first() is None:
        for name in FIELDS:
            first.add(Person(field=name, value=FERNET.encrypt(b"Canaria")))
        first.commit()
app = FastAPI()


def session() -> Iterator[Session]:
    with Session(engine) as opened:
        yield opened


@app.get("/v1/data")
def read(
    fields: str,
    authorization: str = Header(),
    opened: Session = Depends(session),  # noqa: B008 - how FastAPI's tutorials write it
) -> dict[str, dict[str, dict[str, str]]]:
    try:
        claims = jwt.decode(authorization.removeprefix("Bearer "), SECRET, algorithms=["HS256"])
    except jwt.PyJWTError:
        raise HTTPException(401) from None
    answer = {}
    for name in fields.split(","):
        row = opened.exec(select(Person).where(Person.field == name)).one()
        answer[name] = {"value": FERNET.decrypt(row.value).decode(), "source": "self"}
    opened.add(Read(agency=claims["sub"], field=fields))
    opened.commit()
    return {"data": answer}
