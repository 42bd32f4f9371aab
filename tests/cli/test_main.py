"""The command as a whole: help for everything, one kind of error, one object for scripts."""

import json
from importlib import import_module

import pytest
import typer
from typer.main import get_command

from cli.main import PARTS, application
from cli.output import in_groups, plain, shown, when
from tests.cli.conftest import Kluis


def _commands() -> list[tuple[str, ...]]:
    found = []
    for name in PARTS:
        part = get_command(application([name])).commands[name]  # type: ignore[attr-defined]
        found += [(name, *rest) for rest in _below(part)]
    return found


def _below(part: object) -> list[tuple[str, ...]]:
    commands = getattr(part, "commands", None)
    if not commands:
        return [()]
    return [(name, *rest) for name, each in commands.items() for rest in _below(each)]


COMMANDS = _commands()


def test_every_command_that_was_promised_is_there() -> None:
    named = {" ".join(command) for command in COMMANDS}
    wallet = "create confirm unlock lock show set share grants revoke activity erase"
    assert named >= {
        *("init", "serve", "demo", "invite", "doctor", "audit verify", "audit show"),
        *("agency register", "agency list", "agency revoke"),
        *(f"wallet {name}" for name in wallet.split()),
        *(f"wallet methods {name}" for name in ("list", "add", "remove")),
        "wallet import brp",
        *("desk keygen", "desk register-info", "desk redeem", "desk read"),
    }


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_and_answers_scripts(
    kluis: Kluis, command: tuple[str, ...]
) -> None:
    ran = kluis(*command, "--help")
    assert ran.status == 0
    assert "Example" in ran.out
    assert f"kluis {' '.join(command)}" in ran.out
    assert "--json" in ran.out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_wrong_option_is_one_error_and_points_to_the_help(
    kluis: Kluis, command: tuple[str, ...]
) -> None:
    ran = kluis(*command, "--no-such-option")
    assert ran.status == 2
    assert not ran.out
    assert f"kluis {' '.join(command)} --help" in ran.err
    ran = kluis(*command, "--no-such-option", "--json")
    assert (ran.status, ran.error) == (2, "wrong_use")


@pytest.mark.parametrize("name", PARTS)
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    module, attribute, line = PARTS[name]
    part = getattr(import_module(module), attribute)
    own = part.info.help if isinstance(part, typer.Typer) else part.__doc__
    assert str(own).startswith(line)


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("wallet", "nonsense"), ("--nonsense",)])
def test_what_is_no_command_is_said(kluis: Kluis, arguments: tuple[str, ...]) -> None:
    assert kluis(*arguments).status == 2


def test_what_others_send_can_not_steer_the_terminal() -> None:
    assert plain("a\x1b[2Jb\x9b\u202ec\nd") == "a\ufffd[2Jb\ufffd\ufffdc\nd"


def test_codes_values_and_instants_as_people_read_them() -> None:
    assert in_groups("VG1ABCDEFGHJ") == "VG1 ABCD EFGH J"
    assert shown(["NL", "BE"]) == "NL, BE"
    assert shown(7) == "7"
    assert when("2026-11-21") == "2026-11-21"
    assert when("later") == "later"
    assert len(when("2026-11-21T14:05:09.000Z")) == len("2026-11-21 14:05:09")
    assert json.loads(json.dumps(shown("é"))) == "é"
