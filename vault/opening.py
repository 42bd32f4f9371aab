"""Opening an installation: keys, databases and log, after every check that is cheap.

`operate/setup.py` makes one.
"""

from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from catalogue.errors import CatalogueFault
from catalogue.fields import Catalogue, load_catalogue
from vault.anchor import Anchor, AnchorWriter
from vault.clock import Clock
from vault.context import Opener, audit_key_of
from vault.database import Database
from vault.errors import NotReady, VaultError
from vault.guard import check_log
from vault.keys import AuditKey
from vault.keystore import Keystore
from vault.limits import Limits
from vault.log import LogStore
from vault.logkeys import log_keys
from vault.owing import owed_items
from vault.registry import Registry
from vault.rootkey import KeyFile, RootKey, root_key_ids
from vault.schema import KEYSTORE, MAIN, check_schema
from vault.sequencer import Sequencer
from vault.settings import Settings
from vault.steps import sql
from vault.system import System

_INSTANCE = sql("SELECT instance_id FROM instance")
_AUDIT_KEY = sql(
    "SELECT subject, root_id audit_key_root, box audit_key_box FROM audit_key WHERE subject = :id"
)
ROOT_ID = 1


def open_system(settings: Settings, clock: Clock, root: RootKey) -> System:
    """Opens an installation after every check that is cheap; raises `NotReady`.

    (1) both databases have this version's schema, (2) they belong together, (3) the log continues
    its anchor, (4) the system's audit key opens.
    """
    catalogue = _catalogue(settings)
    most = settings.database_connections_max
    main, salts = Database(settings.main_url, most), Database(settings.salts_url, most)
    keystore, keys = Keystore(salts), log_keys(settings)
    try:
        # (1)
        check_schema(main, MAIN)
        check_schema(salts, KEYSTORE)
        # (2)
        check_pair(main, keystore)
        # (3)
        origin = check_log(main, keys, Anchor(settings.anchor)).origin
        log = LogStore(main, keys.named(origin), lambda: log_keys(settings).named(origin))
        # (4)
        ak_0 = system_key(main, keystore, root, log.head().system_subject)
    except (SQLAlchemyError, VaultError) as fault:
        main.close()
        salts.close()
        if isinstance(fault, NotReady):
            raise
        raise NotReady(f"A database can't be opened: {type(fault).__name__}.") from None
    anchor = AnchorWriter(Anchor(settings.anchor))
    anchor.offer(log.head().note)  # a crash may have left it behind

    owed = partial(owed_items, main, keystore, root, ak_0)
    return System(
        settings=settings,
        clock=clock,
        main=main,
        keystore=keystore,
        root=root,
        opener=Opener(root),
        catalogue=catalogue,
        registry=Registry(main, root),
        log=log,
        sequencer=Sequencer(main, log, committed=anchor.offer, owed=owed),
        anchor=anchor,
        limits=Limits(settings),
        system_key=ak_0,
    )


def _catalogue(settings: Settings) -> Catalogue:
    try:
        return load_catalogue(*settings.catalogue_files)
    except CatalogueFault as fault:
        raise NotReady(str(fault), fault.code) from None


def root_key(settings: Settings) -> RootKey:
    """The newest root key in a file, which finds the others; raises `NotReady`.

    Those in a token are found by `operate/token.py`.
    """
    load = partial(KeyFile, settings.keys)
    return RootKey(load(max(root_key_ids(settings.keys), default=ROOT_ID)), load)


def check_pair(main: Database, keystore: Keystore) -> None:
    """Main database and keystore are of one installation; raises `NotReady`."""
    with main.read() as connection:
        instance_id = connection.execute(_INSTANCE).scalar_one_or_none()
    if instance_id is None or instance_id != keystore.instance_id():
        raise NotReady("Main database and keystore do not belong together.")


def system_key(main: Database, keystore: Keystore, root: RootKey, subject: bytes) -> AuditKey:
    """The key of the entries that concern no single vault; raises `NotReady`."""
    with main.read() as connection:
        row = connection.execute(_AUDIT_KEY, {"id": subject}).one_or_none()
    key = None if row is None else audit_key_of(root, keystore, row)
    if key is None:
        raise NotReady("The log's own key does not open: root key, keystore and database differ.")
    return key
