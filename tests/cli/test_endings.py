"""How a run ends when it does not end well: exit codes, paragraphs, tracebacks, JSON."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from cloudmap_discovery.cli import exits
from cloudmap_discovery.cli.program import run
from cloudmap_discovery.errors import (
    AccessDeniedError,
    ConfigurationError,
    DiscoveryError,
    DiscoveryUnavailableError,
    InvalidValueError,
    MalformedRecordError,
    NoMatchingInstanceError,
    OwnershipError,
    RegistrationError,
    RemoteError,
    ServiceNotFoundError,
    StoreTimeoutError,
    ThrottledError,
)
from tests.cli.cli_bed import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.cli_bed import CliBed

DENIED = AccessDeniedError("ssm:GetParameters is not allowed", store="ssm")
ENDINGS = [
    (ServiceNotFoundError("users", "Production"), 1),
    (NoMatchingInstanceError("users", "Production", wanted="a=b", available=[]), 1),
    (ConfigurationError("DISCOVERY_TTL", "x", "a number"), 2),
    (InvalidValueError("stage", "a b", "no spaces"), 2),
    (OwnershipError("theirs", owner="a", owner_ref=None, claimant="b", operation="RegisterInstance"), 2),
    (DiscoveryUnavailableError("users", "Production", causes=[DENIED]), 3),
    (RegistrationError("it failed", operation="RegisterInstance", code="INTERNAL_FAILURE"), 3),
    (DENIED, 3),
    (ThrottledError("too many calls"), 3),
    (StoreTimeoutError("no answer"), 3),
    (MalformedRecordError("users", "no address"), 3),
    (RemoteError("no", code="Odd"), 3),
]


def raising(error: BaseException) -> Callable[..., Any]:
    def factory(*_: Any) -> NoReturn:
        raise error

    return factory


@pytest.mark.parametrize(("error", "code"), ENDINGS, ids=[type(error).__name__ for error, _ in ENDINGS])
def test_each_error_has_its_exit_code_and_is_one_paragraph(
    bed: CliBed, error: DiscoveryError, code: int
) -> None:
    ran = bed.run("discover", "users", environment={}, core_factory=raising(error))

    assert (ran.code, ran.out) == (code, "")
    first, *hints = ran.err.splitlines()
    assert first.startswith(f"error: {error}")
    assert all(hint.startswith("hint: ") for hint in hints)


@pytest.mark.parametrize(("error", "code"), ENDINGS, ids=[type(error).__name__ for error, _ in ENDINGS])
def test_each_error_is_json_on_standard_error_where_json_is_asked_for(
    bed: CliBed, error: DiscoveryError, code: int
) -> None:
    ran = bed.run("discover", "users", "--json", core_factory=raising(error))

    told = json.loads(ran.err)["error"]
    assert (ran.code, ran.out) == (code, "")
    assert (told["type"], told["exit_code"], told["message"]) == (type(error).__name__, code, str(error))


def test_json_names_each_store_that_failed(bed: CliBed) -> None:
    bed.cloud_map.failure = DENIED
    bed.parameters.failure = StoreTimeoutError("no answer")

    ran = bed.run("discover", "users", "--json")

    assert json.loads(ran.err)["error"]["causes"] == [
        {"store": "cloudmap", "type": "AccessDeniedError", "message": "ssm:GetParameters is not allowed"},
        {"store": "ssm", "type": "StoreTimeoutError", "message": "no answer"},
    ]


def test_a_timeout_of_a_registration_advises_the_option() -> None:
    error = RegistrationError("RegisterInstance did not end in time; pass a larger timeout_seconds")

    assert exits.message(error) == "RegisterInstance did not end in time; pass a larger --timeout"


def test_debug_shows_the_traceback_before_the_paragraph(bed: CliBed) -> None:
    plain = bed.run("discover", "users", environment={})
    debug = bed.run("discover", "users", "--debug", environment={})

    assert "Traceback" not in plain.err
    assert debug.err.startswith("Traceback (most recent call last):")
    assert debug.err.endswith(plain.err)
    assert debug.code == plain.code


def test_what_nobody_expects_is_exit_code_70_and_no_traceback(bed: CliBed) -> None:
    ran = bed.run("discover", "users", environment={}, core_factory=raising(KeyError("x")))
    debug = bed.run("discover", "users", "--debug", environment={}, core_factory=raising(KeyError("x")))

    assert (ran.code, debug.code) == (70, 70)
    assert ran.err.startswith(
        "error: a bug in cloudmap-discovery, or something that it does not expect: KeyError"
    )
    assert ran.err.count("\n") == 1
    assert "Traceback" in debug.err


def test_what_nobody_expects_is_json_too(bed: CliBed) -> None:
    ran = bed.run("discover", "users", "--json", core_factory=raising(KeyError("x")))

    told = json.loads(ran.err)["error"]
    assert (told["type"], told["exit_code"]) == ("KeyError", 70)


def test_an_interruption_is_exit_code_130(bed: CliBed) -> None:
    ran = bed.run("discover", "users", environment={}, core_factory=raising(KeyboardInterrupt()))

    assert ran.code == 130
    assert ran.err == "error: interrupted; a change that was under way may still happen\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["discover"], "error: Missing argument 'SERVICE'. See cloudmap-discovery discover --help\n"),
        (
            ["discover", "a", "b"],
            "error: Got unexpected extra argument (b). See cloudmap-discovery discover --help\n",
        ),
        (["nosuch"], "error: No such command 'nosuch'. See cloudmap-discovery --help\n"),
        (
            ["dsicover"],
            "error: No such command 'dsicover'. Did you mean 'discover'? See cloudmap-discovery --help\n",
        ),
        (
            ["register", "users"],
            "error: Missing argument 'ENDPOINT'. See cloudmap-discovery register --help\n",
        ),
    ],
)
def test_a_wrong_command_line_is_one_paragraph_with_the_way_to_help(
    bed: CliBed, arguments: list[str], told: str
) -> None:
    ran = bed.run(*arguments, environment={})

    assert (ran.code, ran.out, ran.err) == (2, "", told)


def test_a_misspelt_option_is_named(bed: CliBed) -> None:
    ran = bed.run("discover", "users", "--wher", "a=b", environment={})

    assert ran.code == 2
    assert "--wher" in ran.err
    assert "--where" in ran.err


def test_a_wrong_command_line_is_json_where_json_is_asked_for(bed: CliBed) -> None:
    ran = bed.run("discover", "--json")

    told = json.loads(ran.err)["error"]
    assert (ran.code, told["type"], told["exit_code"]) == (2, "UsageError", 2)


def test_words_after_two_dashes_are_no_options(bed: CliBed) -> None:
    ran = bed.run("discover", "--", "--json", environment={})

    assert ran.code == 2
    assert ran.err.startswith("error: service is '--json': ")


def test_a_wrong_setting_is_named_by_its_variable(bed: CliBed) -> None:
    ran = bed.run("discover", "users", environment={"DISCOVERY_TTL": "soon"})

    assert ran.code == 2
    assert ran.err == "error: DISCOVERY_TTL is 'soon'; it must be a number of seconds from 0.1 to 86400\n"


def test_an_option_makes_a_wrong_variable_harmless(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", stage="-"))

    ran = bed.run("discover", "users", "--timeout", "5", environment={"DISCOVERY_TIMEOUT": "soon"})

    assert (ran.code, ran.out) == (0, "https://users.test\n")


def test_a_misspelt_variable_is_a_warning(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", stage="-"))

    ran = bed.run("discover", "users", environment={"DISCOVERY_TIMEOOUT": "5"})

    assert ran.code == 0
    assert ran.err == (
        "warning: the environment variable DISCOVERY_TIMEOOUT is not a setting; "
        "did you mean DISCOVERY_TIMEOUT?\n"
    )


def test_controls_in_an_argument_do_not_reach_the_terminal(bed: CliBed) -> None:
    ran = bed.run("discover", "\x1b[2Jusers", environment={})

    assert ran.code == 2
    assert ran.err.rstrip("\n").isprintable()


def test_an_output_that_cannot_show_a_character_gets_it_escaped(bed: CliBed) -> None:
    bed.parameters.put(record("users", stage="-", attributes={"note": "café"}))
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")

    code = run(["explain", "users"], environment={}, core_factory=bed.core, out=out, err=io.StringIO())

    lines = raw.getvalue().decode("ascii").splitlines()
    assert code == 0
    assert "       note=caf\\xe9" in "\n".join(lines)
    assert "  + ssm has 1 record (0 ms)" in lines
    assert "    `- > https://users.test" in lines
