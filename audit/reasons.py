"""Why a call was denied, failed or ended: the closed list behind an event's `reason`.

A reason says what stood in the way, never what was asked. New ones are added at the end, none is
renamed: the log keeps them for ever.
"""

REASONS = (
    "not_granted",  # the grant does not cover the field, or there is no value
    "use_revoked",  # the registration of this intended use was withdrawn
    "agency_revoked",  # the agency's registration was withdrawn
    "not_registered_for",  # the registration does not cover this field or act
    "expired",  # the grant's term is over
    "revoked",  # the owner ended the grant
    "used_up",  # every read the grant allowed was used
    "declined",  # the owner or the agency said no to the offer or request
    "replayed",  # a proof was presented a second time
    "wrong_key",  # the proof is by another key than the token is bound to
    "wrong_agency",  # the offer or grant is for another agency
    "wrong_code",  # a code that leads nowhere
    "wrong_tx_code",  # the spoken transaction code does not match
    "second_use",  # the code of an offer that was redeemed already came again
    "answer_lost",  # it came again in time, from the same key, and nothing was read
    "ended",  # the grant, session or vault is no longer there
    "offer_expired",  # the offer was not redeemed in time
    "fields_missing",  # a mandatory field of the use is not among those chosen
    "officer_required",  # this agency has to name its officer
    "unlock_too_old",  # the act needs a fresh unlock
    "unconfirmed_recovery",  # the recovery code was never typed back
    "too_many_offers",  # too many codes today
    "erased",  # the vault was erased
    "bad_secret",  # an unlock secret that opens nothing
    "limit_reached",  # a rate or size limit
    "unknown_grant",  # no grant stands under this id
    "recorded_later",  # it took effect before the log could be written
    "logout",  # the owner closed the session
    "retention",  # the time to keep it is over
    "assertion_replayed",  # a client assertion was presented a second time
    "damaged",  # a stored row does not pass its check
)
