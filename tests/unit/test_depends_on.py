"""What a service depends on is written into attributes of its record, and read from anybody's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.dependencies import Dependency
from cloudmap_discovery.depends_on import decode_depends_on, encode_depends_on, is_depends_on, parse_entry
from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.limits import MAX_ATTRIBUTE_VALUE, check_user_attributes

names = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,60}[a-z0-9])?", fullmatch=True)
ranges = st.sampled_from(["^1.2", "2.x", "*", ">=1 <3", "^1 || ^2", "1.4.2", "latest"])
dependencies = st.lists(
    st.builds(Dependency, names, st.none() | ranges), unique_by=lambda each: each.service, max_size=60
)


def test_entries_are_joined_by_commas() -> None:
    written = encode_depends_on(
        [Dependency("users"), Dependency("payments", "^1.2"), Dependency("a.b", "2 || 3")]
    )

    assert written == {"depends-on": "users,payments@^1.2,a.b@2 || 3"}


def test_nothing_is_written_for_no_dependencies() -> None:
    assert encode_depends_on([]) == {}


def test_what_does_not_fit_into_one_value_goes_on_in_the_next() -> None:
    long = [Dependency(f"{'x' * 60}-{number:02}") for number in range(40)]

    written = encode_depends_on(long)

    assert list(written) == ["depends-on", "depends-on-2", "depends-on-3"]
    assert all(len(value) <= MAX_ATTRIBUTE_VALUE for value in written.values())
    assert len(written["depends-on"]) + len(",") + len(long[0].service) > MAX_ATTRIBUTE_VALUE


def test_a_value_may_be_full_to_the_last_character() -> None:
    names_of_255 = [".".join([letter * 63] * 2) for letter in "abcdefgh"]  # 127 characters each

    written = encode_depends_on([Dependency(name) for name in names_of_255])

    assert {key: len(value) for key, value in written.items()} == {"depends-on": 8 * 127 + 7}


@given(dependencies)
def test_what_is_written_is_read_again(given_: list[Dependency]) -> None:
    written = encode_depends_on(given_)

    assert check_user_attributes(written) == written
    assert decode_depends_on(written) == tuple(given_)


@given(st.dictionaries(st.sampled_from(["depends-on", "depends-on-2", "stage"]), st.text()))
def test_whatever_others_wrote_is_read_without_an_error(attributes: dict[str, str]) -> None:
    read = decode_depends_on(attributes)

    assert all(each.service for each in read)


@pytest.mark.parametrize(
    ("attributes", "read"),
    [
        ({}, []),
        ({"depends-on": ""}, []),
        ({"depends-on": " users , payments @ ^1.2 "}, [("users", None), ("payments", "^1.2")]),
        ({"depends-on": "users,users,users@^1"}, [("users", None), ("users", "^1")]),
        ({"depends-on": "users,a b,,payments"}, [("users", None), ("payments", None)]),
        ({"depends-on": "users@not a range,mail@"}, [("users", None), ("mail", None)]),
        ({"depends-on": '["users"]'}, []),
        (
            {"depends-on-10": "c", "depends-on-2": "b", "depends-on": "a"},
            [("a", None), ("b", None), ("c", None)],
        ),
        ({"depends-on-2": "b"}, [("b", None)]),
        ({"depends-on-x": "b", "depends-on-0": "b", "depends-only": "b", "Depends-On": "b"}, []),
    ],
)
def test_what_cannot_be_read_is_passed_over(
    attributes: dict[str, str], read: list[tuple[str, str | None]]
) -> None:
    assert [(each.service, each.version) for each in decode_depends_on(attributes)] == read


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "service is ''"),
        ("a b", "service is 'a b'"),
        ("@^1", "service is ''"),
        ("users@", "version is '': a range follows the @"),
        ("users@^1,^2", "version is '^1,^2': a comma would end it; alternatives have || between them"),
        ("users@no such range", "version is 'no such range'"),
        ("users@^1@^2", "version is '^1@^2'"),
    ],
)
def test_an_entry_that_could_not_be_read_again_is_refused(text: str, told: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_entry(text)

    assert str(caught.value).startswith(told)


def test_every_attribute_that_is_written_is_known_as_ours() -> None:
    written = encode_depends_on([Dependency(f"{'x' * 50}-{number}") for number in range(60)])

    assert len(written) > 2
    assert all(map(is_depends_on, written))
    assert not is_depends_on("depends")
