"""Published checkpoints come back from the witnesses signed, or reads end in time."""

import base64
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from audit.note import Checkpoint, LogKey, Verifier, open_note, sign_checkpoint
from crypto.secret import Secret
from evidence.cosignature import CosignatureKey, cosignatures
from evidence.witness import SIZE_TYPE, has_line_of
from operate.publishing import Publisher, publishing, read_policy
from operate.witnessing import Witness
from tests.builders import Store
from tests.operate.witnesses import new_witness, served, serving
from tests.vault.rows import change
from tests.vault.tables import audit_checkpoints
from vault.errors import LogUnavailable, NotReady
from vault.logkeys import log_keys

NOBODY = CosignatureKey("w.example", Secret(bytes(32))).verifier
FIELD = "identity.given_name"


class Scene:
    """An installation, witnesses for its log, and a policy that wants two of three."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.store = Store.make(folder)
        self.log = log_keys(self.store.settings).newest.verifier
        self.stack = stack
        self.witnesses: list[Witness] = []
        self.lines: list[str] = []

    def add(self, url: str | None = None, key: Verifier | None = None) -> None:
        name = f"w{len(self.lines)}"
        if url is None:
            witness = new_witness(self.folder / name, self.log.vkey, name=f"{name}.example")
            self.witnesses.append(witness)
            url, key = self.stack.enter_context(serving(witness)), witness.verifiers[1]
        assert key is not None
        self.lines.append(f"witness {name} {key.vkey} {url}")

    def policy(self, least: int) -> Path:
        names = " ".join(f"w{at}" for at in range(len(self.lines)))
        path = self.folder / "policy"
        path.write_text("\n".join([*self.lines, f"group all {least} {names}", "quorum all", ""]))
        return path

    def publisher(self, least: int) -> Publisher:
        made = Publisher(self.store.vault, read_policy(self.policy(least)))
        self.stack.callback(made.close)
        return made

    def publish(self) -> str:
        """Something happens, and a minute later it is published."""
        self.store.citizen({})
        self.store.clock.advance(seconds=61)
        self.store.vault.sweep()
        return self.published()

    def published(self) -> str:
        note = self.store.vault.checkpoint()
        assert note is not None
        return note

    @property
    def missing(self) -> float:
        return self.store.vault.system.unwitnessed_seconds()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with ExitStack() as stack:
        made = Scene(tmp_path, stack)
        stack.callback(made.store.close)
        yield made


def test_the_published_note_gets_a_good_line_of_each_witness(scene: Scene) -> None:
    for _ in range(3):
        scene.add()
    publisher = scene.publisher(2)
    for _ in range(3):  # each time it goes on from what they signed before
        before = scene.publish()
        publisher.round()
        keys = [one.verifiers[1] for one in scene.witnesses]
        assert scene.published().startswith(before)
        signed = [one.verifier for one in cosignatures(scene.published(), [scene.log, *keys])]
        assert signed == keys
        assert open_note(scene.published(), [scene.log]) == open_note(before, [scene.log])
    assert scene.missing == 0


def test_a_server_started_anew_learns_where_each_witness_stands(scene: Scene) -> None:
    scene.add()
    scene.publish()
    scene.publisher(1).round()
    scene.publish()
    scene.publisher(1).round()  # it knows nothing: 409 tells it the size
    assert has_line_of(scene.published(), scene.witnesses[0].verifiers[1])


def test_reads_end_when_witnesses_are_missing_for_too_long_and_go_on_by_themselves(
    scene: Scene,
) -> None:
    scene.add()
    scene.add("http://127.0.0.1:1", scene.witnesses[0].verifiers[0])
    publisher = scene.publisher(2)
    citizen, agency = scene.store.citizen(), scene.store.agency()
    offer = citizen.offer(agency, [FIELD], duration_seconds=86_400)
    token = agency.redeem(offer.code).token
    scene.publish()
    publisher.round()
    agency.read(token, [FIELD])
    most = scene.store.settings.unwitnessed_seconds_max
    scene.store.clock.advance(seconds=most - 1)
    agency.read(token, [FIELD])
    scene.store.clock.advance(seconds=2)
    with pytest.raises(LogUnavailable):
        agency.read(token, [FIELD])
    scene.lines.pop()
    scene.publisher(1).round()  # the operator leaves the dead witness out
    agency.read(token, [FIELD])
    assert scene.missing == 0


def test_a_witnesss_line_that_somebody_wrote_into_the_database_counts_for_nothing(
    scene: Scene,
) -> None:
    scene.add("http://127.0.0.1:1", NOBODY)
    publisher = scene.publisher(1)
    note = scene.publish()
    line = sign_checkpoint(
        LogKey(NOBODY.name, Secret(bytes(32))), Checkpoint(NOBODY.name, 1, bytes(32))
    ).rpartition("\n\n")[2]
    blob = base64.b64encode(NOBODY.key_id + base64.b64decode(line.split(" ")[2])[4:] + bytes(8))
    forged = f"{note}— {NOBODY.name} {blob.decode()}\n"
    change(scene.store, audit_checkpoints, {"note": note}, note=forged)
    publisher.round()
    scene.store.clock.advance(seconds=100)
    assert scene.published() == forged
    assert scene.missing >= 100


def test_a_limit_of_zero_never_ends_reads(scene: Scene) -> None:
    scene.add("http://127.0.0.1:1", NOBODY)
    scene.store.reopen(unwitnessed_seconds_max=0)
    publisher = scene.publisher(1)
    scene.publish()
    publisher.round()
    scene.store.clock.advance(days=40)
    scene.store.vault.system.check_anchored()
    assert scene.missing > 86_400


def test_the_time_counts_from_the_first_checkpoint_that_nobody_signed(scene: Scene) -> None:
    with ExitStack() as short:
        scene.stack, kept = short, scene.stack
        scene.add()
        publisher = Publisher(scene.store.vault, read_policy(scene.policy(1)))
        scene.publish()
        publisher.round()
        assert scene.missing == 0
    scene.stack = kept  # the witness has gone
    kept.callback(publisher.close)
    for _ in range(3):
        scene.publish()
        publisher.round()
    assert 120 <= scene.missing <= 180


LIES = {
    "nothing": PlainTextResponse(""),
    "words": PlainTextResponse("no\n"),
    "too long": PlainTextResponse("x" * 100_000),
    "bytes": PlainTextResponse(b"\xff\xfe"),
    "teapot": PlainTextResponse("", 418),
    "a size beyond": PlainTextResponse("99999\n", 409, media_type=SIZE_TYPE),
    "a size that is none": PlainTextResponse("1e9\n", 409, media_type=SIZE_TYPE),
    "a size for ever": PlainTextResponse("1\n", 409, media_type=SIZE_TYPE),
    "a size of another type": PlainTextResponse("1\n", 409),
    "elsewhere": PlainTextResponse("", 302, {"Location": "http://127.0.0.1:1/"}),
    "a line of nobody": PlainTextResponse("— x.example AAAAAAAA\n"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_a_lying_witness_answers_changes_nothing(scene: Scene, lie: str) -> None:
    scene.add()
    app = Starlette(routes=[Route("/add-checkpoint", lambda _: LIES[lie], methods=["POST"])])
    with served(app) as url:
        scene.add(url, NOBODY)
        publisher = scene.publisher(1)
        scene.publish()
        publisher.round()
    keys = [scene.witnesses[0].verifiers[1]]
    assert [one.verifier for one in cosignatures(scene.published(), [scene.log, *keys])] == keys
    assert scene.published().count("\n— ") == 3  # two of the log, one of the honest witness


def test_a_witness_that_signs_another_checkpoint_is_not_believed(scene: Scene) -> None:
    witness = new_witness(scene.folder / "liar", scene.log.vkey)
    with closing(witness):
        note = scene.publish()
        line = witness.keys[1].cosign(Checkpoint(scene.log.name, 1, bytes(32)), 1)
        app = Starlette(
            routes=[Route("/add-checkpoint", lambda _: PlainTextResponse(line), methods=["POST"])]
        )
        with served(app) as url:
            scene.add(url, witness.verifiers[1])
            scene.publisher(1).round()
    assert scene.published() == note


def test_the_thread_stops_with_its_server(scene: Scene) -> None:
    scene.add()
    scene.store.reopen(witness_policy=str(scene.policy(1)))
    scene.publish()
    with publishing(scene.store.vault):
        pass
    with pytest.raises(NotReady):
        read_policy(scene.folder / "nowhere")
    (scene.folder / "policy").write_text("quorum somebody\n")
    scene.store.reopen()
    with pytest.raises(NotReady, match="line 1"), publishing(scene.store.vault):
        pass


def test_a_witness_sees_nothing_of_what_is_in_the_log(scene: Scene) -> None:
    """Its whole folder, searched for what the vault knows."""
    scene.add()
    publisher = scene.publisher(1)
    citizen = scene.store.citizen()
    scene.publish()
    publisher.round()
    kept = b"".join(file.read_bytes() for file in (scene.folder / "w0").iterdir())
    assert scene.log.name.encode() in kept
    for secret in (b"identity", b"agency", citizen.vault_id, citizen.vault_id.hex().encode()):
        assert secret not in kept
