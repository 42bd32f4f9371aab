"""The examples for an operator: they say what the code says, and their tools can read them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from api.connections import Bounds
from cli.server import _GRACE_SECONDS, _KEEP_ALIVE_SECONDS
from vault.settings import Settings

DEPLOY = Path(__file__).resolve().parents[1] / "docs" / "deploy"
UNIT, NGINX, CADDY = DEPLOY / "kluis.service", DEPLOY / "nginx.conf", DEPLOY / "Caddyfile"
OPERATE = DEPLOY.parent / "operate.md"


def run(*command: object) -> subprocess.CompletedProcess[str]:
    words = [str(one) for one in command]
    return subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)


def seconds(text: str, name: str) -> int:
    found = re.search(rf"{name}\s+(\d+)s", text)
    assert found is not None, name
    return int(found[1])


def test_the_unit_gives_time_to_stop_and_files_to_serve() -> None:
    unit = dict(re.findall(r"^(\w+)=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE))
    assert int(unit["TimeoutStopSec"]) > _GRACE_SECONDS + 10, "sequencer, sweeper and anchor close"
    assert int(unit["LimitNOFILE"]) > Bounds().connections_max * 2
    assert (unit["LimitCORE"], unit["MemorySwapMax"]) == ("0", "0")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_systemd_reads_the_unit_and_finds_it_closed(tmp_path: Path) -> None:
    kluis = Path(sys.executable).with_name("kluis")
    text = UNIT.read_text("utf-8").replace("/opt/burgerkluis/.venv/bin/kluis", str(kluis))
    unit = tmp_path / UNIT.name
    unit.write_text(text, "utf-8")
    verified = run("systemd-analyze", "verify", "--man=no", unit)
    assert UNIT.name not in verified.stderr, verified.stderr
    judged = run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
    assert judged.returncode == 0, judged.stdout[-300:]


@pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx")
def test_nginx_reads_its_example(tmp_path: Path) -> None:
    made = run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-subj", "/CN=kluis", "-keyout", tmp_path / "key.pem"),
        *("-out", tmp_path / "fullchain.pem"),
    )
    assert made.returncode == 0, made.stderr
    server = NGINX.read_text("utf-8").replace("/etc/ssl/kluis", str(tmp_path))
    server = server.replace("/var/log/nginx", str(tmp_path))
    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
        server = f"{kind}_temp_path {tmp_path}/{kind};\n{server}"
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{server}\n}}\n", "utf-8")
    checked = run("nginx", "-t", "-c", whole)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.skipif(not shutil.which("caddy"), reason="no caddy")
def test_caddy_reads_its_example() -> None:
    checked = run("caddy", "validate", "--adapter", "caddyfile", "--config", CADDY)
    assert checked.returncode == 0, checked.stderr


def test_the_proxies_close_first_and_take_as_much_as_the_server() -> None:
    nginx, caddy = NGINX.read_text("utf-8"), CADDY.read_text("utf-8")
    for text, name in ((nginx, "keepalive_timeout"), (caddy, "keepalive")):
        assert seconds(text, name) < _KEEP_ALIVE_SECONDS, "or a request meets a closing connection"
    assert Settings.model_fields["body_bytes_max"].default == 2**20
    assert "client_max_body_size 1m;" in nginx
    assert "max_size 1MB" in caddy


@pytest.mark.parametrize("file", [NGINX, CADDY])
def test_a_proxy_says_who_asks_and_writes_nothing_down(file: Path) -> None:
    text = file.read_text("utf-8")
    assert "X-Forwarded-For" in text
    assert "$proxy_add_x_forwarded_for" not in text, "it would pass on what a client claims"
    assert ("access_log off;" if file is NGINX else "level ERROR") in text
    assert "max-age=" in text


def test_the_bounds_of_a_connection_are_those_of_the_code() -> None:
    bounds, page = Bounds(), OPERATE.read_text("utf-8")
    for said in (
        f"from its first byte | {bounds.request_seconds} s |",
        f"is not taken | {bounds.answer_seconds} s |",
        f"| {bounds.head_bytes_max // 1024} KiB; `body_bytes_max` |",
        f"an idle connection | {_KEEP_ALIVE_SECONDS} s |",
        f"| {bounds.connections_per_address_max}; the proxy's are not counted |",
        f"connections of a process | {bounds.connections_max} |",
        f"for at most {_GRACE_SECONDS}\nseconds",
    ):
        assert said in page, said
