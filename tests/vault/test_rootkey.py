"""The root key: a file that only its owner reads, and keys that follow from it."""

import hashlib
import hmac
import stat
from pathlib import Path

import pytest

from crypto.encoding import pae
from operate.token import write_key_file
from tests.builders import Store
from vault.errors import NotReady
from vault.rootkey import KeyFile, RootKey, read_key_file, root_key_path


def test_a_key_file_is_32_random_bytes_that_only_its_owner_may_read(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_key_file(tmp_path / name)

    keys = {read_key_file(tmp_path / name) for name in ("one", "two")}
    assert [len(key) for key in keys] == [32, 32]
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o600


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    write_key_file(tmp_path / "key")
    before = read_key_file(tmp_path / "key")

    with pytest.raises(FileExistsError):
        write_key_file(tmp_path / "key")

    assert read_key_file(tmp_path / "key") == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o777])
def test_a_key_file_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    write_key_file(path)
    path.chmod(mode)

    with pytest.raises(NotReady, match=f"chmod 600 {path}"):
        read_key_file(path)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_file_of_another_length_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"k" * length)
    path.chmod(0o600)

    with pytest.raises(NotReady, match="32 bytes"):
        read_key_file(path)


def test_a_missing_key_file_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=r"missing\.key"):
        read_key_file(tmp_path / "missing.key")


def test_an_installation_keeps_its_keys_to_itself(store: Store) -> None:
    keys = store.settings.keys

    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    for path in keys.glob("*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in (keys / "keystore", store.settings.data / "db"):
        if path.exists():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_installation_does_not_open_with_keys_that_others_may_read(store: Store) -> None:
    root_key_path(store.settings.keys, 1).chmod(0o640)

    with pytest.raises(NotReady, match="chmod 600"):
        store.reopen()

    root_key_path(store.settings.keys, 1).chmod(0o600)
    store.reopen()


def test_an_installation_does_not_open_with_another_root_key(store: Store) -> None:
    path = root_key_path(store.settings.keys, 1)
    before = path.read_bytes()
    path.write_bytes(bytes(32))

    with pytest.raises(NotReady, match="own key does not open"):
        store.reopen()

    path.write_bytes(before)
    store.reopen()


def test_the_provider_is_asked_for_one_mac_over_label_and_context(tmp_path: Path) -> None:
    path = root_key_path(tmp_path, 7)
    write_key_file(path)
    provider = KeyFile(tmp_path, 7)

    expected = hmac.new(path.read_bytes(), pae("KLUIS1", "meta", b"ctx"), hashlib.sha256).digest()

    assert provider.id == RootKey(provider).id == 7
    assert provider.mac(pae("KLUIS1", "meta", b"ctx")) == expected


def test_labels_contexts_salts_and_roots_give_keys_of_their_own(tmp_path: Path) -> None:
    roots = []
    for number in (1, 2):
        write_key_file(root_key_path(tmp_path, number))
        roots.append(RootKey(KeyFile(tmp_path, number)))
    root = roots[0]

    derived = [
        root.derive("meta", b"a"),
        root.derive("audit", b"a"),
        root.derive("meta", b"b"),
        root.derive("meta", b"a", b""),
        root.derive("meta", b"a", salt=b"s"),
        roots[1].derive("meta", b"a"),
    ]

    assert len({key.reveal() for key in derived}) == len(derived)
    assert root.derive("meta", b"a").reveal() == derived[0].reveal()


def test_the_key_shows_in_no_representation(tmp_path: Path) -> None:
    path = root_key_path(tmp_path, 1)
    write_key_file(path)
    provider = KeyFile(tmp_path, 1)

    shown = f"{provider!r} {provider._key!r} {RootKey(provider)!r}"
    assert path.read_bytes().hex() not in shown
    assert repr(path.read_bytes()) not in shown
