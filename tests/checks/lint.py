"""House rules that no general linter knows, each about one way to lose a secret.

A finding is answered by better code. Where the code is right all the same, its line says so:

    if digest == wanted:  # lint: secret-compare because both digests are public

An opt-out without a reason, for an unknown rule, or that no finding needs, is a finding itself.
"""

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]

CRYPTOGRAPHY_FILES = {"crypto/primitives.py", "crypto/jose.py"}
JWT_FILES = {"crypto/jose.py"}
CLOCK_FILES = {"vault/clock.py"}
MONOTONIC_FILES = {
    "api/health.py",
    "api/metrics.py",
    "api/observed.py",
    "vault/anchor.py",
    "vault/clock.py",
    "vault/keystore.py",
    "vault/memo.py",
    "vault/sequencer.py",
    "vault/sweeper.py",
}
"""Files that may measure a duration: for a timeout or a metric, never to date anything."""
CLOCKLESS_PACKAGES = {"api", "audit", "consent", "crypto", "vault"}

SECRET_WORDS = {
    "credential", "digest", "mac", "otp", "passphrase", "password", "pin", "salt", "secret",
    "seed", "token", "verifier",
}  # fmt: skip
SECRET_CODES = {"backup_code", "offer_code", "qr_code", "recovery_code", "redeem_code", "user_code"}
PUBLIC_KEYS = {"foreign", "partition", "primary", "public", "sort", "verify", "verifying"}

WALL_CLOCK = {
    "datetime.date.today", "datetime.datetime.now", "datetime.datetime.today",
    "datetime.datetime.utcnow", "time.gmtime", "time.localtime", "time.time", "time.time_ns",
}  # fmt: skip
MONOTONIC_CLOCK = {
    "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns",
}  # fmt: skip
LOG_METHODS = {"critical", "debug", "error", "exception", "info", "log", "warning"}
ENGINE_MAKERS = {"create_async_engine", "create_engine", "engine_from_config"}


@dataclass(frozen=True, slots=True)
class Module:
    path: str  # from the root of the project, with forward slashes
    tree: ast.Module

    @property
    def package(self) -> str:
        return PurePosixPath(self.path).parts[0]


@dataclass(frozen=True, slots=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


Rule = Callable[[Module], Iterator[ast.AST]]


# The rules: each yields the nodes that break it.


def crypto_imports(module: Module) -> Iterator[ast.AST]:
    if module.path not in CRYPTOGRAPHY_FILES:
        yield from imports_of("cryptography", module.tree)


def jwt_wrapper(module: Module) -> Iterator[ast.AST]:
    if module.path not in JWT_FILES:
        yield from imports_of("jwt", module.tree)


def weak_random(module: Module) -> Iterator[ast.AST]:
    yield from imports_of("random", module.tree)


def secret_compare(module: Module) -> Iterator[ast.AST]:
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Compare):
            continue
        operands = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, operands[:-1], operands[1:], strict=True):
            if not isinstance(operator, ast.Eq | ast.NotEq):
                continue
            if any(isinstance(side, ast.Constant) or is_column(side) for side in (left, right)):
                continue  # a literal is no secret, and a column builds SQL
            if names_secret(left) or names_secret(right):
                yield node


def secret_logging(module: Module) -> Iterator[ast.AST]:
    for call in calls_in(module.tree):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in LOG_METHODS:
            continue
        if not is_logger(call.func.value):
            continue
        values = [*call.args, *(keyword.value for keyword in call.keywords)]
        if any(mentions_secret(value) for value in values):
            yield call


def engine_hides(module: Module) -> Iterator[ast.AST]:
    for call in calls_in(module.tree):
        if last_name(call.func) not in ENGINE_MAKERS:
            continue
        options = {keyword.arg: keyword.value for keyword in call.keywords}
        hides = options.get("hide_parameters")
        if "echo" in options or not (isinstance(hides, ast.Constant) and hides.value is True):
            yield call


def from_none(module: Module) -> Iterator[ast.AST]:
    if module.package != "crypto":
        return
    for handler in ast.walk(module.tree):
        if isinstance(handler, ast.ExceptHandler):
            for node in handler.body:
                yield from (found for found in raises_in(node) if not is_from_none(found))


def clock(module: Module) -> Iterator[ast.AST]:
    if module.package not in CLOCKLESS_PACKAGES:
        return
    forbidden = set[str]()
    if module.path not in CLOCK_FILES:
        forbidden |= WALL_CLOCK
    if module.path not in MONOTONIC_FILES:
        forbidden |= MONOTONIC_CLOCK
    imported = imported_names(module.tree)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name | ast.Attribute) and full_name(node, imported) in forbidden:
            yield node


RULES: dict[str, tuple[Rule, str]] = {
    "crypto-imports": (
        crypto_imports,
        "the cryptography library is imported by crypto/primitives.py and crypto/jose.py alone",
    ),
    "jwt-wrapper": (
        jwt_wrapper,
        "PyJWT is lax where we are strict: use crypto.jose",
    ),
    "weak-random": (
        weak_random,
        "the random module can be predicted: use the secrets module or crypto.primitives",
    ),
    "secret-compare": (
        secret_compare,
        "== stops at the first difference and so tells where it is: use hmac.compare_digest",
    ),
    "secret-logging": (
        secret_logging,
        "a name that looks secret is logged: log an id instead",
    ),
    "engine-hides": (
        engine_hides,
        "an engine without hide_parameters=True, or with echo, puts values into errors and logs",
    ),
    "from-none": (
        from_none,
        "an error that leaves crypto says `from None`: its cause would tell which check failed",
    ),
    "clock": (
        clock,
        "time comes in as `now`, read once per request by vault/clock.py",
    ),
}


# What the rules ask about a piece of code.


def imports_of(package: str, tree: ast.Module) -> Iterator[ast.AST]:
    """Imports of the package or of a module below it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            continue
        if any(name.split(".")[0] == package for name in names):
            yield node


def calls_in(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def raises_in(node: ast.AST) -> Iterator[ast.Raise]:
    """Raises that run while the exception is handled: not those of a function defined there."""
    if isinstance(node, ast.Raise):
        yield node
    elif not isinstance(
        node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Try | ast.TryStar
    ):
        for child in ast.iter_child_nodes(node):
            yield from raises_in(child)
    elif isinstance(node, ast.Try | ast.TryStar):  # its own handlers are visited for themselves
        for child in [*node.body, *node.orelse, *node.finalbody]:
            yield from raises_in(child)


def is_from_none(node: ast.Raise) -> bool:
    return isinstance(node.cause, ast.Constant) and node.cause.value is None


def last_name(node: ast.AST) -> str:
    """The name a reader would call it by: `a.b.token` and `row["token"]` are both "token"."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=inner) | ast.Await(value=inner):
            return last_name(inner)
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.Subscript(value=inner):
            return last_name(inner)
    return ""


def names_secret(node: ast.AST) -> bool:
    name = last_name(node).strip("_").lower()
    *before, last = name.split("_")
    if last == "key":
        return bool(before) and before[-1] not in PUBLIC_KEYS  # a bare `key` is a mapping's
    return last in SECRET_WORDS or last == "hexdigest" or name in SECRET_CODES


def mentions_secret(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and last_name(node.func) == "len":
        return False
    return names_secret(node) or any(map(mentions_secret, ast.iter_child_nodes(node)))


def is_column(node: ast.AST) -> bool:
    """`Grant.token` of a table class and `grants.c.token` are columns."""
    match node:
        case ast.Attribute(value=ast.Name(id=owner)):
            return owner[:1].isupper() and not owner.isupper()
        case ast.Attribute(value=ast.Attribute(attr="c" | "columns")):
            return True
    return False


def is_logger(node: ast.AST) -> bool:
    name = last_name(node).strip("_").lower()
    return name.split("_")[-1] in {"log", "logger", "logging", "getlogger"}


def imported_names(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: {"dt": "datetime", "now": "time.time"}."""
    names = dict[str, str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def full_name(node: ast.AST, imported: dict[str, str]) -> str:
    match node:
        case ast.Name(id=name):
            return imported.get(name, "")
        case ast.Attribute(value=inner, attr=name):
            return f"{full_name(inner, imported)}.{name}"
    return ""


# Opt-outs, and the run over the files.

OPT_OUT = re.compile(r"#\s*lint:\s*(?P<rule>\S*)(?:\s+because\s+(?P<why>\S.*))?")


def opt_outs_in(source: str) -> Iterator[tuple[int, str, str | None]]:
    """Yield (line, rule, reason or None) for each opt-out comment."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (match := OPT_OUT.search(token.string)):
            yield token.start[0], match["rule"], match["why"]


def lint(path: str, source: str) -> list[Finding]:
    """Check one file; `path` is from the root of the project and decides which rules apply."""
    module = Module(path, ast.parse(source, path))
    findings = list[Finding]()
    opted_out = dict[tuple[int, str], bool]()  # (line, rule): whether a finding needed it
    for line, name, why in opt_outs_in(source):
        if name not in RULES or why is None:
            message = f"say `# lint: <rule> because <why>`; rules: {', '.join(RULES)}"
            findings.append(Finding(path, line, "opt-out", message))
        else:
            opted_out[line, name] = False
    for name, (rule, message) in RULES.items():
        for node in rule(module):
            first: int = getattr(node, "lineno", 1)
            last: int = getattr(node, "end_lineno", None) or first
            excuses = [(line, name) for line in range(first, last + 1) if (line, name) in opted_out]
            if excuses:
                opted_out |= dict.fromkeys(excuses, True)
            else:
                findings.append(Finding(path, first, name, message))
    for (line, name), needed in opted_out.items():
        if not needed:
            findings.append(Finding(path, line, "opt-out", f"nothing here needs {name}: drop it"))
    return sorted(findings, key=lambda finding: (finding.line, finding.rule))


def packages() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    names: list[str] = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return names


def main() -> int:
    files = [file for name in packages() for file in sorted((ROOT / name).rglob("*.py"))]
    findings = [
        finding
        for file in files
        for finding in lint(file.relative_to(ROOT).as_posix(), file.read_text("utf-8"))
    ]
    print("\n".join([*map(str, findings), f"lint: {len(files)} files, {len(findings)} findings"]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
