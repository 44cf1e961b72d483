"""What a lookup asks for: arguments, what is declared, and the settings, in this order."""

from __future__ import annotations

from typing import Any

import pytest

from cloudmap_discovery.dependencies import Dependency
from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.query import Queries
from cloudmap_discovery.selection import ANYTHING

DECLARED = (
    Dependency("users", version="^1.2"),
    Dependency("payments", version="2.x", tenant="acme", stage="Staging>Production"),
    Dependency("mail"),
)


def queries(**about: Any) -> Queries:
    return Queries(namespace="services", default_stages=("Test",), declared=DECLARED, **about)


def stages(query: Any) -> list[str]:
    return [key.stage for key in query.keys]


def test_a_lookup_that_says_nothing_asks_for_anything_in_the_default_stage() -> None:
    query = queries().read("orders")

    assert (stages(query), query.criteria, query.sticky) == (["Test"], ANYTHING, None)


def test_what_is_declared_fills_in_what_is_left_open() -> None:
    query = queries().read("payments")

    assert stages(query) == ["Staging", "Production"]
    assert str(query.criteria.version) == "2.x"
    assert query.criteria.tenant == "acme"
    assert stages(queries().read("users")) == ["Test"]
    assert queries().read("mail").criteria == ANYTHING


def test_an_argument_prevails_over_what_is_declared_each_for_itself() -> None:
    query = queries().read("payments", "pr-7", None, "^3", "globex")
    partly = queries().read("payments", version="^3")

    assert (stages(query), str(query.criteria.version), query.criteria.tenant) == (["pr-7"], "^3", "globex")
    assert (stages(partly), partly.criteria.tenant) == (["Staging", "Production"], "acme")


def test_the_suffix_is_appended_to_declared_and_given_versions_and_to_no_other() -> None:
    suffixed = queries(version_suffix="-staging")

    given, declared, none = (
        suffixed.read("orders", version="1.1.0"),
        suffixed.read("users"),
        suffixed.read("mail"),
    )

    assert given.criteria.version is not None
    assert declared.criteria.version is not None
    assert given.criteria.version.matches("1.1.0-staging")
    assert not given.criteria.version.matches("1.1.0")
    assert declared.criteria.version.matches("1.3.0-staging")
    assert none.criteria.version is None


def test_a_wrong_declared_version_is_told_at_the_start() -> None:
    with pytest.raises(InvalidValueError):
        Queries(namespace="services", default_stages=("-",), declared=[Dependency("users", version=">=abc")])


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("version", {"version": ""}),
        ("version", {"version": ">=abc"}),
        ("version", {"version": 7}),
        ("tenant", {"tenant": ""}),
        ("tenant", {"tenant": 7}),
        ("sticky", {"sticky": ""}),
        ("sticky", {"sticky": 42}),
        ("stage", {"stage": "a>>b"}),
    ],
)
def test_a_wrong_argument_is_refused_with_its_name(field: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        queries().read("users", **wrong)

    assert caught.value.field == field


def test_a_request_with_conditions_is_not_kept_ready() -> None:
    assert queries().read("users", where={"color": "blue"}).asked is None
    assert queries().read("users", "a", version="^1", tenant="t").asked == ("users", "a", "^1", "t")
