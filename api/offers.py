"""Offers: the codes that a citizen shows at a counter."""

from http import HTTPStatus
from typing import Self

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from api.agencies import HiddenReads
from api.bodies import StrictRoute
from api.credentials import OpenedVault, Owner
from api.described import documented
from api.shapes import ID_CHARACTERS_MAX, Answer, Asked, id_bytes, id_text, instant
from api.values import VALUES_MAX, FieldId
from crypto.encoding import INTEGER_MAX
from vault.offering import Choice, OfferMade

router = APIRouter(route_class=StrictRoute, tags=["offers"])


class NewOffer(Asked):
    """One agency, one of its intended uses, the fields to share, for how long, how often."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "agency": "https://oin.example/00000001234567890000",
                "use": "parking-permit",
                "fields": ["identity.full_name", "address.resident_address"],
                "duration_seconds": 604800,
                "reads": 5,
            }
        }
    )

    agency: str = Field(min_length=1, max_length=256)
    use: str = Field(min_length=1, max_length=200)
    fields: list[FieldId] = Field(min_length=1, max_length=VALUES_MAX)
    duration_seconds: int = Field(ge=1, le=INTEGER_MAX)
    reads: int | None = Field(None, ge=1, le=INTEGER_MAX, description="Without it: any number.")
    follow: bool = Field(False, description="Later values too, or only those of today.")
    tx_code: bool = Field(False, description="Also make four digits to say at the counter.")
    replaces: str | None = Field(
        None, max_length=ID_CHARACTERS_MAX, description="A grant whose offer the new code ends."
    )

    def choice(self) -> Choice:
        return Choice(
            agency=self.agency,
            use=self.use,
            fields=tuple(self.fields),
            duration_seconds=self.duration_seconds,
            reads_max=self.reads,
            follow=self.follow,
            with_tx_code=self.tx_code,
            replaces=None if self.replaces is None else id_bytes(self.replaces),
        )


class Offer(Answer):
    """The code is shown once. It can be redeemed once, until `offer_ends`."""

    grant: str
    code: str = Field(repr=False)
    qr: str = Field(repr=False, description="What the QR code holds.")
    tx_code: str | None = Field(None, repr=False)
    offer_ends: str
    not_after: str
    hidden_reads: HiddenReads | None = Field(
        None, description="Reads under this use may stay hidden for a time: say so."
    )

    @classmethod
    def of(cls, made: OfferMade, url: str, hidden_reads: HiddenReads | None) -> Self:
        return cls(
            grant=id_text(made.grant_id),
            code=made.code,
            qr=made.qr_text(url),
            tx_code=made.tx_code,
            offer_ends=instant(made.offer_ends),
            not_after=instant(made.not_after),
            hidden_reads=hidden_reads,
        )


@router.post(
    "/v1/offers",
    status_code=HTTPStatus.CREATED,
    response_model_exclude_none=True,
    responses=documented(400, 401, 403, 404, 409, 413, 415, 429, 500, 503),
)
def offer(asked: NewOffer, owner: Owner, vault: OpenedVault) -> Offer:
    """Make an offer: a code that gives one agency the chosen fields"""
    made = vault.offer(owner, asked.choice())
    use = vault.registry().registered(asked.agency, asked.use).use
    return Offer.of(made, vault.system.settings.url, HiddenReads.of(use))
