"""Each house rule fires on code that breaks it, and keeps quiet on the code it asks for."""

from textwrap import dedent

import pytest

from tests.checks.lint import RULES, lint


def rules_broken(path: str, source: str) -> list[str]:
    return [finding.rule for finding in lint(path, dedent(source))]


BAD = [
    ("crypto-imports", "vault/vault.py", "import cryptography"),
    ("crypto-imports", "crypto/box.py", "from cryptography.hazmat.primitives import hashes"),
    ("jwt-wrapper", "api/oauth.py", "import jwt"),
    ("jwt-wrapper", "crypto/primitives.py", "from jwt.algorithms import OKPAlgorithm"),
    ("jwt-wrapper", "cli/main.py", "def read():\n    import jwt as j"),
    ("weak-random", "cli/demo.py", "import random"),
    ("weak-random", "crypto/code.py", "from random import choice"),
    ("secret-compare", "vault/vault.py", "ok = token == given"),
    ("secret-compare", "vault/vault.py", "ok = given != self._root_key"),
    ("secret-compare", "audit/tree.py", "ok = entry.mac == expected"),
    ("secret-compare", "api/desk.py", "ok = row['unlock_secret'] == given"),
    ("secret-compare", "crypto/box.py", "ok = hashing.digest() == wanted"),
    ("secret-compare", "crypto/box.py", "ok = token[:8] == given[:8]"),
    ("secret-compare", "api/pages.py", "ok = a < b == csrf_token"),
    ("secret-compare", "vault/offers.py", "ok = offer_code == given"),
    ("secret-logging", "api/oauth.py", "log.info('token %s', token)"),
    ("secret-logging", "vault/vault.py", "self._logger.error('failed', extra={'k': root_key})"),
    ("secret-logging", "api/oauth.py", "logging.getLogger(__name__).debug(f'{access_token}')"),
    ("engine-hides", "vault/store.py", "engine = create_engine(url)"),
    ("engine-hides", "vault/store.py", "engine = sa.create_engine(url, hide_parameters=False)"),
    ("engine-hides", "vault/store.py", "e = create_engine(url, hide_parameters=True, echo=debug)"),
    ("from-none", "crypto/box.py", "try:\n  f()\nexcept E as e:\n  raise Damaged from e"),
    ("from-none", "crypto/box.py", "try:\n  f()\nexcept E:\n  if a:\n    raise Damaged"),
    ("from-none", "crypto/box.py", "try:\n  f()\nexcept E:\n  raise"),
    ("clock", "consent/decision.py", "from datetime import datetime\nnow = datetime.now(UTC)"),
    ("clock", "vault/vault.py", "import datetime as dt\nnow = dt.datetime.now(dt.UTC)"),
    ("clock", "api/routes.py", "import time\ndefault_factory = time.time"),
    ("clock", "audit/entry.py", "from time import time_ns as t\nnow = t()"),
    ("clock", "vault/vault.py", "import time\nstart = time.monotonic()"),
]

GOOD = [
    ("crypto-imports", "crypto/primitives.py", "from cryptography.exceptions import InvalidTag"),
    ("crypto-imports", "vault/vault.py", "from crypto import box"),
    ("jwt-wrapper", "crypto/jose.py", "import jwt"),
    ("jwt-wrapper", "api/oauth.py", "from crypto.jose import verify"),
    ("weak-random", "crypto/code.py", "import secrets"),
    ("secret-compare", "vault/vault.py", "ok = hmac.compare_digest(token, given)"),
    ("secret-compare", "vault/vault.py", "ok = token is None or len(token) == length"),
    ("secret-compare", "vault/vault.py", "ok = token != ''"),
    ("secret-compare", "vault/vault.py", "ok = key == name and public_key == other"),
    ("secret-compare", "vault/vault.py", "ok = key_id == other and token.kind == kind"),
    ("secret-compare", "vault/routing.py", "found = select(Route).where(Route.token == wanted)"),
    (
        "secret-compare",
        "vault/routing.py",
        "found = select(routes).where(routes.c.token == wanted)",
    ),
    ("secret-logging", "api/oauth.py", "log.info('token of %s, %d long', client_id, len(token))"),
    ("secret-logging", "vault/vault.py", "math.log(token)\nself.audit.append(token)"),
    ("engine-hides", "vault/store.py", "engine = create_engine(url, hide_parameters=True)"),
    ("from-none", "crypto/box.py", "try:\n  f()\nexcept E:\n  raise Damaged from None"),
    ("from-none", "crypto/box.py", "try:\n  f()\nexcept E:\n  pass\nraise Damaged"),
    ("from-none", "vault/vault.py", "try:\n  f()\nexcept E as e:\n  raise Damaged from e"),
    ("clock", "vault/clock.py", "import time\nnow = time.time()\nstart = time.monotonic()"),
    ("clock", "cli/demo.py", "from datetime import datetime\nnow = datetime.now(UTC)"),
    ("clock", "consent/decision.py", "def decide(now):\n    return now.time() < clock.now()"),
]


@pytest.mark.parametrize(("rule", "path", "source"), BAD)
def test_rule_fires_on_code_that_breaks_it(rule: str, path: str, source: str) -> None:
    assert rule in rules_broken(path, source)


@pytest.mark.parametrize(("rule", "path", "source"), GOOD)
def test_rule_keeps_quiet_on_the_code_it_asks_for(rule: str, path: str, source: str) -> None:
    assert rules_broken(path, source) == []


def test_every_rule_has_a_sample_of_both_kinds() -> None:
    assert {rule for rule, _, _ in BAD} == {rule for rule, _, _ in GOOD} == set(RULES)


def test_a_reason_opts_one_line_out() -> None:
    source = """\
        ok = digest == root  # lint: secret-compare because both are public
        ok = digest == root
        """
    findings = lint("audit/tree.py", dedent(source))
    assert [(finding.line, finding.rule) for finding in findings] == [(2, "secret-compare")]


def test_a_reason_counts_anywhere_in_a_statement_of_several_lines() -> None:
    source = """\
        engine = create_engine(
            url,
            echo=True,  # lint: engine-hides because this engine holds no values
        )
        """
    assert rules_broken("vault/store.py", source) == []


@pytest.mark.parametrize(
    "comment",
    ["# lint: secret-compare", "# lint: secret-compare because", "# lint: all because I say so"],
)
def test_an_opt_out_without_rule_or_reason_does_not_count(comment: str) -> None:
    broken = rules_broken("audit/tree.py", f"ok = digest == root  {comment}\n")
    assert broken == ["opt-out", "secret-compare"]


def test_an_opt_out_that_nothing_needs_is_a_finding() -> None:
    assert rules_broken("audit/tree.py", "x = 1  # lint: clock because of nothing\n") == ["opt-out"]


def test_a_finding_says_where_and_why() -> None:
    (finding,) = lint("cli/demo.py", "\nimport random\n")
    assert str(finding).startswith("cli/demo.py:2: weak-random: the random module")
