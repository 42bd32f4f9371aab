"""Whatever bytes come, a decoder reads them or refuses them by one of its errors, and what it reads
it would write: here with the seeds, what fuzzers found, and random changes of both.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.test_strictness import MISSING, places
from tests.api.test_strictness import changed as changed_place
from tests.fuzz.decoders import DECODERS, Decoder

ROOT = Path(__file__).resolve().parents[2]
FOUND = Path(__file__).with_name("found")
NAMES = [decoder.name for decoder in DECODERS]
SEEDED = settings(
    database=None, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
TARGETS = pytest.mark.parametrize("decoder", DECODERS, ids=NAMES)
HAS_ATHERIS = importlib.util.find_spec("atheris") is not None


@st.composite
def changed(draw: st.DrawFn, decoder: Decoder) -> bytes:
    """A right input with a few changes: bytes set, cut out, put in, repeated."""
    data = bytearray(draw(st.sampled_from(decoder.seeds)))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 8)))
        repeated = bytes(data[start:end] * 2)
        pieces = st.sampled_from([b"", repeated, b'"', b"\x00", b"0", b"[", b"\xff"])
        data[start:end] = draw(pieces | st.binary(max_size=8))
    return bytes(data)


ATOMS: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 2**53 - 1, "", "x", [], {}, [[]], {"": None}]
)


@st.composite
def reshaped(draw: st.DrawFn, documents: list[Any]) -> bytes:
    """A right document with other things in a few places, or nothing there."""
    document = draw(st.sampled_from(documents))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.sampled_from(list(places(document))))
        document = changed_place(document, at, draw(ATOMS | st.just(MISSING)))
    return json.dumps(document if document is not MISSING else None).encode()


def is_document(seed: bytes) -> bool:
    try:
        return isinstance(json.loads(seed), dict | list)
    except ValueError:
        return False


def inputs(decoder: Decoder) -> st.SearchStrategy[bytes]:
    found = changed(decoder) | st.binary(max_size=200)
    documents = [json.loads(seed) for seed in decoder.seeds if is_document(seed)]
    return reshaped(documents) | found if documents else found


def test_decoders_have_names_of_their_own() -> None:
    assert len(set(NAMES)) == len(NAMES)


@TARGETS
def test_right_inputs_are_read(decoder: Decoder) -> None:
    assert any(decoder.probe(seed) for seed in decoder.seeds)


@TARGETS
def test_wrong_inputs_are_refused_by_the_errors_of_the_decoder(decoder: Decoder) -> None:
    seen = set()

    @settings(SEEDED, max_examples=80)
    @given(data=inputs(decoder))
    def probe(data: bytes) -> None:
        seen.add(decoder.probe(data))

    probe()
    assert False in seen


@pytest.mark.slow
@TARGETS
def test_many_wrong_inputs_are_refused_by_the_errors_of_the_decoder(decoder: Decoder) -> None:
    @settings(SEEDED, max_examples=1000)
    @given(data=inputs(decoder))
    def probe(data: bytes) -> None:
        decoder.probe(data)

    probe()


@pytest.mark.parametrize("path", sorted(FOUND.glob("*/*")), ids=lambda path: path.name)
def test_what_a_fuzzer_once_found_is_read_or_refused(path: Path) -> None:
    (decoder,) = (one for one in DECODERS if one.name.replace(" ", "-") == path.parent.name)
    decoder.probe(path.read_bytes())


@pytest.mark.slow
@pytest.mark.timeout(330)  # half a minute where nobody else is at work
@pytest.mark.skipif(not HAS_ATHERIS, reason="atheris is not there for this Python and platform")
def test_coverage_guided_inputs_are_refused_by_the_errors_of_the_decoder(tmp_path: Path) -> None:
    environment = {**os.environ, "FUZZ_RUNS": "3000", "FUZZ_FOLDER": str(tmp_path)}
    command = [sys.executable, "-m", "tests.fuzz.run"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert f"{len(DECODERS)} decoders" in done.stdout
