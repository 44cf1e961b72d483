"""Whoever reads the environment, with pydantic-settings or without it, makes the same of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloudmap_discovery import settings_plain, settings_pydantic, wiring
from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.settings import Settings, definitions
from tests.unit.programs import output_of
from tests.unit.settings_cases import RIGHT, WRONG, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

DEFINITIONS = definitions()
IN_LAMBDA = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}

numbers = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),  # with nan, inf and what is nearly zero
    st.sampled_from(
        ["1e400", "-1e400", "1_0", "1e3", "+5", ".5", "5.", "0x10", "٣", "9" * 5000, "nan", "-inf"]
    ),
)
blanks = st.text(st.sampled_from(" \t\n\r\f\v\u00a0\u2003\ufeff\x00"), max_size=3)


def texts_of(name: str) -> st.SearchStrategy[str]:
    """Return what a variable may hold: what is right, what is nearly so, and anything else."""
    right = RIGHT[name].map(text_of)
    return st.one_of(
        right,
        st.sampled_from(WRONG[name]),
        st.tuples(blanks, st.one_of(right, st.sampled_from(WRONG[name])), blanks).map("".join),
        blanks,
        numbers,
        st.text(max_size=20),
        st.text(st.characters(), max_size=20),  # lone surrogates, too, as os.environ has them
        right.map(str.upper),
    )


def lines_of(name: str) -> st.SearchStrategy[tuple[str, str]]:
    """Return a line of the environment about a setting: mostly its variable, sometimes one that is spelled like it."""
    variable = f"DISCOVERY_{name.upper()}"
    spelled = st.sampled_from(
        [variable, variable, variable, variable.lower(), variable.title(), variable[:-1], variable[10:]]
    )
    return st.tuples(spelled, texts_of(name))


environments = st.lists(
    st.one_of(
        *map(lines_of, RIGHT),
        st.tuples(st.text(min_size=1, max_size=10).map("DISCOVERY_".__add__), st.text(max_size=10)),
    ),
    max_size=6,
).map(dict)


def outcome(read: Callable[[Mapping[str, str]], Settings], environment: Mapping[str, str]) -> Any:
    try:
        return repr(read(environment))  # which tells 1 from 1.0
    except ConfigurationError as error:
        return (str(error), error.variable, error.value, error.allowed, repr(error.__cause__))


@settings(max_examples=300)
@given(environment=environments)
@example(environment={"DISCOVERY_TTL": "x", "DISCOVERY_STAGE": "a b", "DISCOVERY_NAMESPACE": "\ud800"})
@example(environment={"discovery_ttl": "x", "Discovery_Stage": "a b", "DISCOVERY_TLL": "5"})
@example(environment=dict.fromkeys((setting.variable for setting in DEFINITIONS), " "))
@example(environment=dict.fromkeys((setting.variable for setting in DEFINITIONS), ""))
def test_both_readers_accept_refuse_and_yield_the_same(environment: dict[str, str]) -> None:
    assert outcome(settings_plain.read_settings, environment) == outcome(
        settings_pydantic.read_settings, environment
    )


@settings(max_examples=100)
@given(st.fixed_dictionaries({}, optional=RIGHT))
def test_what_is_right_is_accepted_by_both(values: dict[str, object]) -> None:
    environment = {f"DISCOVERY_{name.upper()}": text_of(value) for name, value in values.items()}

    assert (
        settings_plain.read_settings(environment)
        == settings_pydantic.read_settings(environment)
        == Settings(**values)  # type: ignore[arg-type]  # right by construction
    )


@pytest.mark.parametrize("read", [settings_plain.read_settings, settings_pydantic.read_settings])
def test_of_several_wrong_settings_the_first_defined_is_told(
    read: Callable[[Mapping[str, str]], Settings],
) -> None:
    everything = {f"DISCOVERY_{name.upper()}": texts[0] for name, texts in reversed(WRONG.items())}

    told = []
    for setting in DEFINITIONS:
        with pytest.raises(ConfigurationError) as caught:
            read(everything)
        told.append(caught.value.variable)
        del everything[setting.variable]

    assert told == [setting.variable for setting in DEFINITIONS]


# Which of them reads. Each case is a process of its own, since a module once imported stays.

WITH_PYDANTIC: list[dict[str, str]] = [{}, {"DISCOVERY_TRANSPORT": "sdk"}, {"DISCOVERY_TRANSPORT": " auto "}]
WITH_PYDANTIC += [{**IN_LAMBDA, "DISCOVERY_TRANSPORT": " sdk "}, {"DISCOVERY_TRANSPORT": "wrong"}]
WITHOUT: list[dict[str, str]] = [IN_LAMBDA, {"DISCOVERY_TRANSPORT": "direct"}]
WITHOUT += [{**IN_LAMBDA, "DISCOVERY_TRANSPORT": "auto"}, {**IN_LAMBDA, "DISCOVERY_TRANSPORT": "wrong"}]


def imported_after_reading(environments: list[dict[str, str]]) -> list[bool]:
    printed = output_of(f"""
        from contextlib import suppress
        from cloudmap_discovery import ConfigurationError, wiring
        for environment in {environments!r}:
            with suppress(ConfigurationError):
                wiring.read_settings(environment)
            print("pydantic" in sys.modules)
    """)
    return [line == "True" for line in printed.splitlines()]


@pytest.mark.parametrize("environment", WITH_PYDANTIC, ids=str)
def test_pydantic_reads_where_it_is_installed_and_starting_fast_is_of_no_matter(
    environment: dict[str, str],
) -> None:
    assert imported_after_reading([environment]) == [True]


def test_nothing_of_pydantic_is_imported_inside_lambda_and_for_the_direct_transport() -> None:
    assert imported_after_reading(WITHOUT) == [False] * len(WITHOUT)


def read_beside(folder: str, environment: Mapping[str, str]) -> str:
    return output_of(f"""
        sys.path.insert(0, {folder!r})
        from cloudmap_discovery import wiring
        print(wiring.read_settings({environment!r}))
    """)


@pytest.mark.parametrize(
    "module",
    [
        "raise ImportError('of another version')",
        "raise SystemError('the installed pydantic-core version is incompatible')",
        "VERSION = '1.10'",
    ],
)
def test_a_pydantic_that_does_not_do_leaves_it_to_the_other_reader(tmp_path: Path, module: str) -> None:
    (tmp_path / "pydantic.py").write_text(module)
    environment = {"DISCOVERY_STAGE": "Production", "DISCOVERY_TTL": "5"}

    printed = read_beside(str(tmp_path), environment)

    assert printed.strip() == repr(Settings(stage="Production", ttl=5.0))


def test_both_are_told_about_misspelt_names(caplog: pytest.LogCaptureFixture) -> None:
    for environment in (IN_LAMBDA, {}):
        wiring.read_settings({**environment, "DISCOVERY_TLL": "5"})

    assert [record.getMessage() for record in caplog.records] == [
        "the environment variable DISCOVERY_TLL is not a setting; did you mean DISCOVERY_TTL?"
    ] * 2
