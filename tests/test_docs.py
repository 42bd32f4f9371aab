"""The pages tell the truth: what they name exists, and what they repeat is what the code says.

`python -m tests.test_docs` prints the table of settings for docs/operate.md.
"""

import ast
import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
import typer
from sqlalchemy import text

from audit.entry import ACTIONS, Chain, Event
from audit.reasons import REASONS
from catalogue.errors import BadRegistration
from catalogue.fields import load_catalogue
from catalogue.registration import parse_registration
from cli.main import PARTS, application
from cli.server import listen, make_server
from crypto import jose
from crypto.encoding import parse_json
from evidence.findings import CODES
from operate.setup import Places, initialise
from tests.builders import PERSON, Store, registration
from tests.test_fences import PACKAGES
from vault import caller
from vault.logkeys import log_keys
from vault.settings import Settings
from vault.vault import Vault

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
)
SOURCES = tuple(
    path
    for name in sorted({*PACKAGES, "bench", "tests"})
    for path in sorted((ROOT / name).rglob("*.py"))
)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
START_SECONDS_MAX = 60


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def block(page: str, info: str) -> str:
    """The one fenced block of a page whose info string is this."""
    found = re.findall(
        rf"^```{re.escape(info)}\n(.*?)^```$", read(page), flags=re.MULTILINE | re.DOTALL
    )
    assert len(found) == 1, f"{page} holds {len(found)} blocks {info!r}"
    return str(found[0])


def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def section(page: str, heading: str) -> str:
    """What stands under a heading, up to the next one of any level, or to a line in bold."""
    after = read(page).split(f"\n{heading}\n", 1)[1]
    return re.split(r"\n(?:#{1,6} |\*\*\w+\*\*)", after, maxsplit=1)[0]


def first_cells(table: str) -> list[str]:
    """What stands in backticks at the beginning of each row."""
    cells = re.findall(r"^\| ([^|]*) \|", table, flags=re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def code_in(page: Path) -> Iterator[str]:
    """Code spans, and the lines of indented and fenced blocks."""
    whole = page.read_text("utf-8")
    yield from re.findall(r"(?<!`)`([^`\n]+)`(?!`)", whole)
    yield from re.findall(r"^ {4}(\S.*)$", whole, flags=re.MULTILINE)
    for fenced in re.findall(r"^```[^\n]*\n(.*?)^```$", whole, flags=re.MULTILINE | re.DOTALL):
        yield from fenced.splitlines()


# Links, files, tests, commands.


def slug(heading: str) -> str:
    """The anchor that a heading gets, as the usual viewers of Markdown make it."""
    bare = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", bare).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {slug(line) for line in re.findall(r"^#{1,6} (.+)$", prose(page), flags=re.MULTILINE)}


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


@each_page
def test_every_file_that_is_named_exists(page: Path) -> None:
    folders = "|".join((*PACKAGES, "docs", "tests"))
    pattern = rf"`((?:{folders})/[\w./*-]*\.\w+)`"
    for name in re.findall(pattern, page.read_text("utf-8")):
        assert list(ROOT.glob(name)), name


def test_every_test_that_is_named_exists() -> None:
    for page in PAGES:
        for name, test in re.findall(r"\b(tests/[\w/]+\.py)::(\w+)", page.read_text("utf-8")):
            tree = ast.parse((ROOT / name).read_text("utf-8"))
            assert test in {
                node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
            }, f"{page.name}: {name}::{test}"


def test_every_chapter_that_the_code_cites_exists() -> None:
    for path in SOURCES:
        # A citation may run on into the next line of a docstring or comment.
        source = re.sub(r"\s*\n\s*(?:# )?", " ", path.read_text("utf-8"))
        for page, cited in re.findall(r"docs/(\w+)\.md, (?=(\d.{80}))", source + " " * 80):
            headings = re.findall(r"^#+ (\d+ .+)$", prose(ROOT / f"docs/{page}.md"), re.MULTILINE)
            assert any(cited.startswith(heading) for heading in headings), f"{path}: {cited}"


def test_no_code_cites_a_section_of_a_page_that_has_none() -> None:
    for path in SOURCES:
        found = re.search(r"\b(?:format|audit|agency)\.md,? §", path.read_text("utf-8"))
        assert found is None, f"{path}: {found}"


def test_the_readme_names_a_test_for_each_guarantee() -> None:
    rows = re.findall(r"^\| .*::test_.*$", read("README.md"), flags=re.MULTILINE)
    assert len(rows) >= 8


@each_page
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), flags=re.MULTILINE))
    named = {m[1] for code in code_in(page) if (m := re.match(r"(?:\$ )?make ([a-z]+)", code))}
    assert named <= targets


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    """The command tree, each part loaded."""
    return {
        name: typer.main.get_command(application([name])).commands[name]  # type: ignore[attr-defined]
        for name in PARTS
    }


@each_page
def test_every_kluis_command_that_is_named_exists(page: Path, commands: dict[str, Any]) -> None:
    for code in code_in(page):
        for line in re.findall(r"(?:^|[\s&/])kluis ([a-z-][^`|&]*)", code):
            first, *words = line.split()
            if first.startswith("-"):
                continue
            assert first in commands, code
            command = commands[first]
            for word in words:
                below = getattr(command, "commands", None)
                if below is not None and word.startswith("--"):
                    break  # the group itself answers, like `kluis audit keys`
                if below is not None:
                    assert word in below, code
                    command = below[word]
                elif word.startswith("--"):
                    options = {name for option in command.params for name in option.opts}
                    assert word.split("=")[0] in {*options, "--help"}, code


# Tables that repeat the code.


def settings_table() -> str:
    """The settings as Markdown."""
    rows = ["| setting | default | limits | meaning |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default
        if field.is_required():
            shown = "`kluis init` sets it"
        elif isinstance(default, int | float):
            shown = f"{default:,}".replace(",", " ")
        else:
            shown = f"`{default}`" if default else "empty"
        if choices := get_args(field.annotation):
            limits = "" if Ellipsis in choices else ", ".join(f"`{one}`" for one in choices)
        else:
            limits = ", ".join(map(_limit, field.metadata))
        rows.append(f"| `{name}` | {shown} | {limits} | {field.description or ''} |")
    return "\n".join(rows)


def _limit(bound: Any) -> str:
    if pattern := getattr(bound, "pattern", None):
        return "`postgresql://...`" if "postgres" in pattern else "`https://...` or `mailto:...`"
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "max_length": "to"}
    (name,) = (slot for slot in words if hasattr(bound, slot))
    unit = " characters" if name == "max_length" else ""
    return f"{words[name]} {getattr(bound, name)}{unit}"


def test_the_table_of_settings_is_that_of_the_code() -> None:
    page = read("docs/operate.md")
    found = page.partition("<!-- settings -->\n")[2].partition("\n<!-- /settings -->")[0]
    assert found == settings_table(), "run: python -m tests.test_docs"


def test_the_reasons_are_those_of_the_code_in_their_order() -> None:
    table = section("docs/audit.md", "## 3 Reasons")
    assert tuple(first_cells(table)) == REASONS


def test_the_actions_are_those_of_the_code() -> None:
    written = section("docs/audit.md", "**action**")
    assert sorted(re.findall(r"`([a-z]+\.[a-z]+)`", written)) == sorted(ACTIONS)


def test_the_keys_of_an_entry_are_those_of_the_code() -> None:
    event = {field.name for field in fields_of(Event)} | {"v"}
    chain = {field.name.rstrip("_") for field in fields_of(Chain)}
    for name, wanted in (("event", event), ("chain", chain)):
        assert set(first_cells(section("docs/audit.md", f"**{name}**"))) == wanted


def test_the_findings_of_a_check_are_explained() -> None:
    written = set(first_cells(section("docs/auditors.md", "## Findings")))
    source = read("operate/verification.py") + read("operate/comparing.py")
    assert written == set(CODES) | set(re.findall(r'_(?:find|differ)\(\s*"(\w+)"', source))


def test_the_promise_stands_once_and_whole() -> None:
    quoted = re.findall(r"^> (.*)$", read("SECURITY.md"), flags=re.MULTILINE)
    assert quoted[0].startswith("Whoever holds the database, every backup of it")
    assert quoted[-1].endswith("(anchor, receipt, export, witness) showing it.")


def test_the_measured_sizes_are_measured(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    redeemed = agency.redeem(citizen.offer(agency, tuple(PERSON), follow=True).code)
    agency.read(redeemed.token, tuple(PERSON))
    citizen.put({"identity.given_name": "Canaria-Next"})
    store.vault.activity(citizen.owner)

    def lengths(sql: str) -> str:
        with store.vault.system.main.via_sqlalchemy() as connection:
            found = sorted({value for row in connection.execute(text(sql)) for value in row})
        return ", ".join(map(str, found))

    table = section("docs/architecture.md", "## Measured sizes")
    for sql in (
        "SELECT length(box) FROM value",
        "SELECT length(wrapped) FROM stanza",
        "SELECT length(box) FROM vault_grant",
        "SELECT length(box) FROM method",
        "SELECT length(opening) FROM audit_opening",
    ):
        assert f"| {lengths(sql)} |" in table, sql
    public = lengths("SELECT length(public_key) FROM vault")
    boxed = lengths("SELECT length(metadata_box) FROM vault UNION SELECT length(box) FROM session")
    assert f"| {public}; {boxed} |" in table
    leaf = "SELECT DISTINCT length(leaf_data), length(leaf_hash), length(entry_id) FROM audit_leaf"
    assert sorted(lengths(leaf).split(", ")) == ["16", "32", "33"]
    assert "| 33, 32, 16 |" in table


# Examples that run.


def test_the_example_registration_is_accepted() -> None:
    document = parse_json(block("docs/agency.md", "json registration"))
    with pytest.raises(BadRegistration, match="jwks"):  # nobody registers a key of a document
        parse_registration(document, load_catalogue().keys())
    document["jwks"] = {"keys": [jose.public_jwk(jose.generate_key())]}
    assert parse_registration(document, load_catalogue().keys()).agency.id == document["id"]


def test_the_example_of_a_stock_client_redeems_and_reads(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(block("docs/agency.md", "python client"), names)  # noqa: S102 - our own page
    listener = listen("127.0.0.1", 0)
    url = f"http://localhost:{listener.getsockname()[1]}"
    vault = Vault.open(initialise(Places.beside(tmp_path / "kluis"), url, "open"))
    made = Store(vault.system.settings, vault.system.clock, vault)  # type: ignore[arg-type]
    citizen, jwk = made.citizen(), jose.generate_key()
    vault.register_agency(caller.Operator(), registration("https://agency.example", jwk))
    offer = {
        "agency": "https://agency.example",
        "use": "test-use",
        "fields": ["identity.given_name"],
        "duration_seconds": 60,
    }
    server = make_server(vault)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        with httpx.Client(trust_env=False) as http:
            headers = {"Authorization": f"Bearer {citizen.token}"}
            answer = http.post(f"{url}/v1/offers", json=offer, headers=headers)
            key, proof_key = (names["jwt"].PyJWK(one).key for one in (jwk, jose.generate_key()))
            client = ("https://agency.example", jwk["kid"], key, proof_key)
            given = names["redeem"](http, url, answer.json()["code"], *client)
            fields = given["authorization_details"][0]["datatypes"]
            data = names["read"](http, url, given["access_token"], fields, proof_key)
    finally:
        server.should_exit = True
        thread.join()
    assert data["identity.given_name"]["value"] == PERSON["identity.given_name"]


def test_the_example_of_an_auditor_checks_a_note(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    store.citizen()
    store.vault.sweep()
    names = {
        "note": store.vault.checkpoint(),
        "vkey": log_keys(store.settings).newest.verifier.vkey,
    }

    exec(block("docs/auditors.md", "python notes"), names)  # noqa: S102 - our own page

    assert capsys.readouterr().out.startswith("kluis.example/audit 3 ")


if __name__ == "__main__":
    sys.stdout.write(settings_table() + "\n")
