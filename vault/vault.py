"""`Vault`: the only door to the data, and the list of what can be done with it.

A method takes a caller, reads the clock once, decides, records in the audit log, and acts: in that
order, so that no value reaches an agency and no grant changes that the log does not say. Only an
end or an erasure does not wait for a broken log, which is then owed the entry. No entries have what
owners see of their own (`overview`, `grants`, `history`, `pulse`), whether a token `stands`,
`log_out`, `end_session`, `acknowledge`, invitations, links to an export, and officers' sessions;
`registry`, `checkpoint` and `tile` are public and take no caller. What may be done is decided in
`consent/decision.py`; how it is kept stands in docs/format.md.
"""

from collections.abc import Mapping, Sequence

from audit.tree import split_hashes
from catalogue.registration import Invited, Officer
from crypto.secret import Secret
from vault import (
    activities,
    agencies,
    auditing,
    blocking,
    caller,
    ending,
    erasing,
    exporting,
    fields,
    methods,
    offering,
    officers,
    overviews,
    reading,
    redeeming,
    sessions,
)
from vault.clock import Clock, SystemClock
from vault.log import Recorded
from vault.opening import open_system, root_key
from vault.registry import Snapshot
from vault.rootkey import RootKey
from vault.settings import Settings
from vault.sweeper import Step, Sweeper, sweep
from vault.system import Aside, System


class Vault:
    """An opened installation. `close` it, or use it as a context manager."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.sweeper: Sweeper | None = None

    @classmethod
    def open(
        cls, settings: Settings, clock: Clock | None = None, root: RootKey | None = None
    ) -> "Vault":
        """Opens an installation that `kluis init` made. Raises `NotReady` when it must not be.

        Without a `root` the one in the keys folder is taken.
        """
        return cls(open_system(settings, clock or SystemClock(), root or root_key(settings)))

    def __enter__(self) -> "Vault":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start_sweeper(self, *more: Step) -> None:
        """Begins to sweep in the background: a server does, a single command does not."""
        self.sweeper = Sweeper(self.system, *more)

    def sweep(self, *more: Step) -> None:
        """One round of the sweeper, now."""
        sweep(self.system, *more)

    def close(self) -> None:
        """Stops in order: nothing new, what is queued, the anchor, the databases."""
        system = self.system
        for part in (self.sweeper, system.sequencer, system.anchor, system.main, system.keystore):
            if part is not None:
                part.close()

    # A citizen makes a vault, unlocks it, and keeps it reachable.

    def create(
        self,
        by: caller.Stranger | caller.Operator,
        device: sessions.UnlockSecret,
        invite: Secret | None,
        label: str | None = None,
    ) -> methods.VaultCreated:
        """A new vault with a device secret; returns the codes to write down, shown once."""
        return methods.create_vault(self.system, by, device, invite, label, self._now())

    def unlock(
        self, _stranger: caller.Stranger, secret: sessions.UnlockSecret
    ) -> sessions.SessionStarted:
        """A session, for a device secret or a recovery code."""
        return sessions.start_session(self.system, secret, self._now())

    def log_out(self, owner: caller.Owner) -> None:
        """Ends the session; nothing opens with its token or an old backup any more."""
        sessions.end_session(self.system, owner, None, self._now())

    def end_session(self, owner: caller.Owner, session_id: bytes) -> None:
        """Ends one of the vault's sessions, on another device maybe."""
        sessions.end_session(self.system, owner, session_id, self._now())

    def block(self, _stranger: caller.Stranger, code: sessions.UnlockSecret) -> int:
        """Shuts all devices out, by the block code alone; returns when, in Unix milliseconds."""
        return blocking.block(self.system, code, self._now())

    def confirm_recovery(self, owner: caller.Owner, code: str) -> None:
        """The recovery code typed back. Before it, nothing can be shared."""
        methods.confirm_recovery(self.system, owner, code, self._now())

    def add_method(
        self,
        _stranger: caller.Stranger,
        unlock: sessions.UnlockSecret,
        new: sessions.UnlockSecret | None,
        label: str | None = None,
    ) -> methods.MethodAdded:
        """Another device, or a new sheet of codes. Takes an unlock secret, not a session."""
        return methods.add_method(self.system, unlock, new, label, self._now())

    def remove_method(self, owner: caller.Owner, method_id: bytes) -> None:
        """Removes a way to unlock. At least a confirmed recovery code and one other stay."""
        methods.remove_method(self.system, owner, method_id, self._now())

    def erase(self, owner: caller.Owner) -> ending.Ended:
        """Erases the vault, its grants and its sessions, for good."""
        return erasing.erase(self.system, owner, self._now())

    # The owner's data.

    def overview(self, owner: caller.Owner) -> overviews.Overview:
        """The vault as its owner sees it first: methods and session."""
        return overviews.overview(self.system, owner, self._now())

    def values(self, owner: caller.Owner) -> dict[str, fields.OwnValue]:
        """The current value of every field that has one."""
        return fields.current(self.system, owner, self._now())

    def put(self, owner: caller.Owner, new: Sequence[fields.NewValue]) -> tuple[str, ...]:
        """A new version of each field; what was there stays in its history."""
        return fields.put(self.system, owner, new, self._now())

    def history(self, owner: caller.Owner, field: str) -> list[fields.OwnValue]:
        """Every version of a field, newest first."""
        return fields.history(self.system, owner, field, self._now())

    # The owner shares, sees, and takes back.

    def offer(self, owner: caller.Owner, choice: offering.Choice) -> offering.OfferMade:
        """A code that gives one agency the chosen fields, if it is redeemed in time."""
        return offering.offer(self.system, owner, choice, self._now())

    def grants(self, owner: caller.Owner) -> list[overviews.GrantInfo]:
        """Every offer and grant, newest first."""
        return overviews.list_grants(self.system, owner, self._now())

    def end_grant(self, owner: caller.Owner, grant_id: bytes) -> ending.Ended:
        """Takes an offer or grant back: the next request is refused."""
        return ending.end_grant(self.system, owner, grant_id, self._now())

    def activity(
        self, owner: caller.Owner, page: activities.Page = activities.FIRST_PAGE
    ) -> activities.Activity:
        """A page of what was logged about the vault."""
        return activities.activity(self.system, owner, page, self._now())

    def acknowledge(self, owner: caller.Owner, entry_id: bytes) -> None:
        """The owner has seen an alarm."""
        activities.acknowledge(self.system, owner, entry_id, self._now())

    def pulse(self, owner: caller.Owner) -> str:
        """An opaque word, another one when there is something new to show. Ask once a second."""
        return activities.pulse(self.system, owner, self._now())

    def export_link(self, owner: caller.Owner) -> bytes:
        """The id of a link to an export: for this session, a quarter of an hour, once."""
        return exporting.export_link(self.system, owner, self._now())

    def check_export(self, owner: caller.Owner, link_id: bytes) -> None:
        """Refuses a link as `record_export` would, before anything is gathered for it."""
        exporting.check_link(self.system, owner, link_id, self._now())

    def record_export(self, owner: caller.Owner, link_id: bytes) -> None:
        """Records an export before it leaves; a link's second one is refused."""
        exporting.record_export(self.system, owner, link_id, self._now())

    # An agency redeems and reads.

    def redeem(
        self, agency: caller.Agency, code: str, tx_code: str | None
    ) -> tuple[redeeming.Redeemed, Recorded]:
        """An access token for an offer's code, once; and where its entry stands."""
        return redeeming.redeem(self.system, agency, code, tx_code, self._now())

    async def read(
        self, holder: caller.TokenHolder, names: Sequence[str], aside: Aside
    ) -> tuple[dict[str, reading.Released], Recorded]:
        """Granted fields, all or none, after their entry is in the log; and where it stands."""
        return await reading.read(self.system, holder, names, self._now(), aside)

    def stands(self, holder: caller.TokenHolder) -> int | None:
        """Until when a token still gives access, or None. It shows no value and is no read."""
        return reading.stands(self.system, holder, self._now())

    # The operator keeps the registry.

    def register_agency(self, _operator: caller.Operator, document: Mapping[str, object]) -> str:
        """Registers an agency and its intended uses; returns its id."""
        return agencies.register_agency(self.system, document, self._now())

    def revoke_agency(self, _operator: caller.Operator, agency: str, use: str | None) -> int:
        """Revokes an agency with all its uses, or one use."""
        return agencies.revoke(self.system, agency, use, self._now())

    def register_auditor(self, _operator: caller.Operator, document: Mapping[str, object]) -> str:
        """Registers an auditor, who may read the whole log; returns its id."""
        return agencies.register_auditor(self.system, document, self._now())

    def revoke_auditor(self, _operator: caller.Operator, auditor: str) -> None:
        """Revokes an auditor: the next look is refused."""
        agencies.revoke(self.system, auditor, None, self._now(), "auditor")

    def invite(self, _operator: caller.Operator, lives_seconds: int) -> str:
        """A code that lets its bearer make one vault."""
        return agencies.invite(self.system, lives_seconds, self._now())

    def invite_officer(
        self, _operator: caller.Operator, party: str, officer: str, name: str, lives_seconds: int
    ) -> str:
        """A code with which one person becomes an officer of an agency or auditor."""
        return officers.invite_officer(
            self.system, party, officer, name, lives_seconds, self._now()
        )

    def revoke_officer(self, _operator: caller.Operator, party: str, officer: str) -> None:
        """Revokes an officer: the sessions end at once."""
        agencies.revoke(self.system, party, officer, self._now(), "officer")

    # A person becomes an officer, and signs in with a passkey that the door has verified.

    def read_invitation(self, _stranger: caller.Stranger, code: str) -> Invited:
        """Whom an officer's invitation makes an officer of what."""
        return officers.read_invitation(self.system, code, self._now())

    def officer_enrolment(self, _stranger: caller.Stranger, code: str, browser: str) -> bytes:
        """What a new passkey has to sign: for five minutes, one invitation and one browser."""
        return officers.enrolment(self.system, code, browser, self._now())

    def check_officer_enrolment(
        self, _stranger: caller.Stranger, code: str, browser: str, signed: bytes
    ) -> None:
        """Refuses what is not ours for this, or not any more."""
        officers.check_enrolment(self.system, code, browser, signed, self._now())

    def enrol_officer(
        self, _stranger: caller.Stranger, code: str, credential_id: bytes, public_key: bytes
    ) -> Officer:
        """Registers an invited officer with a passkey, once."""
        return officers.enrol_officer(self.system, code, credential_id, public_key, self._now())

    def officer_challenge(self, _stranger: caller.Stranger) -> bytes:
        """What an officer's passkey has to sign: for five minutes, and for one session."""
        return officers.challenge(self.system, self._now())

    def start_officer_session(
        self, _stranger: caller.Stranger, credential_id: bytes, challenge: bytes
    ) -> officers.OfficerSession:
        """A session, for a passkey whose signature of the challenge the door has verified."""
        return officers.start_session(self.system, credential_id, challenge, self._now())

    def officer_session(self, officer: caller.Officer) -> officers.OfficerSession:
        """The session as it stands now, with its token renewed."""
        return officers.open_session(self.system, officer, self._now())

    def end_officer_session(self, officer: caller.Officer) -> None:
        """Signs out, for good."""
        officers.end_session(self.system, officer, self._now())

    def agency_of(self, officer: caller.Officer) -> caller.Agency:
        """Whom the officer redeems for."""
        return officers.agency_of(self.system, officer, self._now())

    def auditor_of(self, officer: caller.Officer) -> caller.Auditor:
        """Whom the officer audits for."""
        return officers.auditor_of(self.system, officer, self._now())

    def holder_of(self, officer: caller.Officer, access_token: str) -> caller.TokenHolder:
        """The officer with an access token that this session got."""
        return officers.holder_of(self.system, officer, access_token, self._now())

    # An auditor looks at the log: all of it, and no value.

    def issue_audit_token(self, auditor: caller.Auditor) -> str:
        """An access token for the log, for some minutes."""
        return auditing.issue_token(self.system, auditor, self._now())

    def record_look(self, by: caller.TokenHolder | caller.Operator, action: str, count: int) -> int:
        """Records that so many entries are looked at or exported; returns the entry's index."""
        return auditing.record_look(self.system, by, action, count, self._now())

    # Anyone.

    def registry(self) -> Snapshot:
        """The agencies and uses as registered now. Public."""
        return self.system.registry.current()

    def checkpoint(self) -> str | None:
        """The log's published checkpoint. Public, and renewed on a fixed clock."""
        return self.system.log.published()

    def tile(self, level: int | None, n: int) -> list[bytes]:
        """Hashes of the log's tree, or leaves without a level. Show those that are published."""
        store = self.system.log
        number = store.head().log
        if level is None:
            return store.leaves(number, n)
        return split_hashes(store.tile(number, level, n))

    def _now(self) -> int:
        return self.system.clock.now_ms()
