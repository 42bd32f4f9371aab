"""Root keys in a token, with a real one in software: SoftHSM."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from operate.doctor import WRONG, examine
from operate.rotation import rotate
from operate.setup import Places, initialise
from operate.token import open_token, root_key
from operate.verification import verify_data
from tests.builders import PERSON, URL, FakeClock, Store
from tests.programs import needs
from tests.vault.full_story import SHARED
from vault.errors import NotReady
from vault.settings import Settings, load_settings
from vault.vault import Vault

LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
)
LIBRARY = next((path for path in LIBRARIES if Path(path).exists()), "")
PIN = "73519"
pytestmark = needs(
    LIBRARY and shutil.which("softhsm2-util"), "SoftHSM is not installed: apt install softhsm2"
)


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A token named `kluis tests` in a folder of its own, and the file with its PIN."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")  # read when the library loads
    make = ("softhsm2-util", "--init-token", "--free", "--label", "kluis tests")
    pins = ("--pin", PIN, "--so-pin", "99119911")
    subprocess.run([*make, *pins], check=True, capture_output=True, timeout=60)
    pin = folder / "pin"
    pin.write_text(PIN + "\n")
    yield pin
    del os.environ["SOFTHSM2_CONF"]


def uri(token: Path, name: str) -> str:
    return (
        f"pkcs11:token={quote('kluis tests')};object={name}"
        f"?module-path={LIBRARY}&pin-source=file:{token}"
    )


def installed(folder: Path, root: str) -> Store:
    settings = initialise(Places.beside(folder / "kluis"), URL, "open", root_key=root)
    clock = FakeClock()
    return Store(settings, clock, Vault.open(settings, clock, root_key(settings)))


def reopened(store: Store) -> Vault:
    store.vault.close()
    store.vault = Vault.open(store.settings, store.clock, root_key(store.settings))
    return store.vault


def test_an_installation_works_with_its_root_key_in_a_token(token: Path, tmp_path: Path) -> None:
    store = installed(tmp_path, uri(token, "works"))
    citizen, agency = store.citizen(), store.agency()
    shared = agency.redeem(citizen.offer(agency, SHARED).code).token
    citizen.vault = agency.vault = reopened(store)

    assert set(agency.read(shared, SHARED)) == set(SHARED)
    assert citizen.unlock().values() == PERSON
    assert verify_data(store.settings).findings == ()
    assert list(store.settings.keys.glob("root-*")) == []
    assert load_settings(store.settings.data).root_key == uri(token, "works")
    assert not [a for a in examine(store.settings.data) if a.level == WRONG and "root" in a.what]
    store.close()


def test_a_token_derives_what_a_file_with_its_key_would(token: Path) -> None:
    """HMAC-SHA-256 by the token is that of everybody."""
    import hashlib
    import hmac

    import pkcs11

    session = open_token(uri(token, "known"))._session
    session.create_object(
        {
            pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY,
            pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.GENERIC_SECRET,
            pkcs11.Attribute.VALUE: b"k" * 32,
            pkcs11.Attribute.SIGN: True,
            pkcs11.Attribute.LABEL: "known-7",
            pkcs11.Attribute.TOKEN: False,
        }
    )
    made = open_token(uri(token, "known")).key(7)
    assert (made.id, made.mac(b"m")) == (7, hmac.new(b"k" * 32, b"m", hashlib.sha256).digest())


def test_the_key_can_not_be_read_out_of_the_token(token: Path) -> None:
    import pkcs11

    opened = open_token(uri(token, "secret"))
    opened.make(1)
    key = opened.key(1)._key
    assert key[pkcs11.Attribute.EXTRACTABLE] is False
    assert key[pkcs11.Attribute.SENSITIVE] is True
    with pytest.raises(pkcs11.PKCS11Error):
        _ = key[pkcs11.Attribute.VALUE]


def test_a_key_in_a_token_is_never_replaced(token: Path, tmp_path: Path) -> None:
    opened = open_token(uri(token, "once"))
    opened.make(1)
    before = opened.key(1).mac(b"m")
    with pytest.raises(NotReady, match="already"):
        opened.make(1)
    with pytest.raises(NotReady, match="holds root keys of that name already"):
        installed(tmp_path, uri(token, "once"))
    assert opened.key(1).mac(b"m") == before
    assert list(tmp_path.iterdir()) == []


def test_a_rotation_leads_from_a_file_into_a_token_and_on(token: Path, tmp_path: Path) -> None:
    store = Store.make(tmp_path)
    citizen = store.citizen()
    store.vault.close()
    store.settings = store.settings.model_copy(update={"root_key": uri(token, "moved")})

    first = rotate(store.settings, store.clock)
    assert (first.state.newest, first.state.unneeded) == (2, (1,))
    assert first.made == "moved-2 in the token"
    (store.settings.keys / "root-1.key").unlink()
    citizen.vault = reopened(store)
    assert citizen.unlock().values() == PERSON
    second = rotate(store.settings, store.clock)
    assert (second.made, second.state.unneeded) == ("moved-3 in the token", (2,))
    citizen.vault = reopened(store)
    assert citizen.unlock().values() == PERSON
    store.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("token=kluis%20tests", "token=other"), "does not open"),
        (("object=wrong", ""), "names a token and an object"),
        (("module-path=", "module-path=/nowhere"), "does not open"),
        (("pin-source=file:", "pin-source=file:/nowhere"), "PIN of the token"),
        (("pin-source=", "pin-value=1234&pin-source="), "holds no PIN"),
    ],
)
def test_a_wrong_uri_is_refused_in_words(token: Path, change: tuple[str, str], said: str) -> None:
    with pytest.raises(NotReady, match=said) as refused:
        open_token(uri(token, "wrong").replace(*change))
    assert PIN not in str(refused.value)


def test_a_token_without_the_key_is_refused(token: Path, tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {"data": tmp_path, "keys": tmp_path, "anchor": tmp_path, "root_key": uri(token, "none")}
    )
    with pytest.raises(NotReady, match="holds no root key 1"):
        root_key(settings)
