"""A `Secret` does not slip into a log line, a pickle, a copy or a comparison."""

import copy
import logging
import pickle
from dataclasses import dataclass

import pytest

from crypto import primitives
from crypto.secret import Secret

CANARY = b"canary-canary-canary-canary-3141"
SECRET = Secret(CANARY)


@dataclass(frozen=True)
class Holder:
    key: Secret


def test_repr_and_str_are_fixed() -> None:
    assert repr(SECRET) == str(SECRET) == "Secret(...)"
    assert repr(Holder(SECRET)) == "Holder(key=Secret(...))"
    assert "canary" not in repr([SECRET, {"key": SECRET}])


def test_formatting_is_refused() -> None:
    with pytest.raises(TypeError):
        f"{SECRET}"
    with pytest.raises(TypeError):
        f"{SECRET:>40}"
    with pytest.raises(TypeError):
        "{}".format(SECRET)  # noqa: UP032
    assert f"{SECRET!r}" == "Secret(...)"
    assert "%s" % SECRET == "Secret(...)"  # noqa: UP031


def test_logging_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("test").warning("key %s %r", SECRET, SECRET)
    assert caplog.messages == ["key Secret(...) Secret(...)"]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_is_refused(protocol: int) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(SECRET, protocol)
    with pytest.raises(TypeError):
        pickle.dumps(Holder(SECRET), protocol)


def test_copying_is_refused() -> None:
    with pytest.raises(TypeError):
        copy.copy(SECRET)
    with pytest.raises(TypeError):
        copy.deepcopy(SECRET)
    with pytest.raises(TypeError):
        copy.deepcopy(Holder(SECRET))


def test_it_has_no_attributes_to_list() -> None:
    with pytest.raises(TypeError):
        vars(SECRET)
    with pytest.raises(AttributeError):
        SECRET.note = "x"  # type: ignore[attr-defined]


def test_it_is_not_read_as_bytes() -> None:
    with pytest.raises(TypeError):
        bytes(SECRET)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        iter(SECRET)  # type: ignore[call-overload]


def test_equality_compares_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append(1)
        return left == right

    monkeypatch.setattr(primitives, "constant_time_equal", compare)
    assert Secret(CANARY) == SECRET
    assert Secret(bytes(32)) != SECRET
    assert len(compared) == 2


def test_it_never_equals_bytes() -> None:
    assert SECRET != CANARY
    assert CANARY != SECRET


def test_it_has_no_hash() -> None:
    with pytest.raises(TypeError):
        hash(SECRET)
    with pytest.raises(TypeError):
        dict.fromkeys([SECRET])


def test_it_reveals_its_bytes_when_asked() -> None:
    assert SECRET.reveal() == CANARY
    assert len(SECRET) == 32


def test_it_keeps_no_view_of_a_buffer_that_changes() -> None:
    buffer = bytearray(CANARY)
    secret = Secret(bytes(buffer))
    buffer[0] = 0
    assert secret.reveal() == CANARY


def test_random_secrets_differ() -> None:
    assert Secret.random() != Secret.random()
    assert len(Secret.random(20)) == 20
