"""Why a call was denied, failed or ended: the closed list behind an event's `reason`.

What each means stands in docs/audit.md, 3 Reasons. It says what stood in the way, never what was
asked. New ones are added at the end, none is renamed: the log keeps them for ever.
"""

REASONS = (
    "not_granted", "use_revoked", "agency_revoked", "not_registered_for", "expired", "revoked",
    "used_up", "declined", "replayed", "wrong_key", "wrong_agency", "wrong_code", "wrong_tx_code",
    "second_use", "answer_lost", "ended", "offer_expired", "fields_missing", "officer_required",
    "unlock_too_old", "unconfirmed_recovery", "too_many_offers", "erased", "bad_secret",
    "limit_reached", "unknown_grant", "recorded_later", "logout", "retention",
    "assertion_replayed", "damaged",
)  # fmt: skip
