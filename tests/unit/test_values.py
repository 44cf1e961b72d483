"""A value is a frozen, slotted dataclass to whoever looks."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Sequence
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.values import Described, replace, value


@value
class Ours:
    """A value."""

    name: str
    size: int = 3
    tags: tuple[str, ...] = ("a",)


@dataclasses.dataclass(frozen=True, slots=True)
class Theirs:
    """A value."""

    name: str
    size: int = 3
    tags: tuple[str, ...] = ("a",)


@value
class Annotated:
    """A value whose field says more of itself."""

    seconds: float = Described(1.5, {"unit": "s"})  # type: ignore[assignment]  # it stands for its default


@value
class Base:
    """What others have, too."""

    service: str


@value
class Derived(Base):
    """More than the base."""

    seconds: float = 1.0


@value
class Nothing:
    """A state without fields."""


@value
class Checked:
    """Looks at itself when it is made."""

    name: str

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name")
        object.__setattr__(self, "name", self.name.upper())

    def __str__(self) -> str:
        return f"<{self.name}>"


@value
class Row(Sequence[int]):
    """A value that is a sequence."""

    cells: tuple[int, ...]

    def __getitem__(self, index: Any) -> Any:
        return self.cells[index]

    def __len__(self) -> int:
        return len(self.cells)


FIELDS = st.fixed_dictionaries(
    {"name": st.text()},
    optional={
        "size": st.integers(),
        "tags": st.lists(st.text()).map(tuple),
    },
)


def pickled(original: object) -> Any:
    return pickle.loads(pickle.dumps(original))  # noqa: S301 -- our own bytes


def outcome(make: Any) -> object:
    try:
        return make()
    except TypeError:
        return TypeError


@given(
    st.lists(st.integers(), max_size=6), FIELDS.map(dict) | st.dictionaries(st.text(max_size=4), st.none())
)
def test_arguments_are_taken_and_refused_as_a_dataclass_does(
    positional: list[Any], named: dict[str, Any]
) -> None:
    ours = outcome(lambda: dataclasses.astuple(Ours(*positional, **named)))
    theirs = outcome(lambda: dataclasses.astuple(Theirs(*positional, **named)))

    assert ours == theirs


@given(FIELDS, FIELDS)
def test_equality_text_and_dictionaries_are_those_of_a_dataclass(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    ours, others = Ours(**first), Ours(**second)
    theirs, their_others = Theirs(**first), Theirs(**second)

    assert (ours == others) is (theirs == their_others)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    others_kind: object = theirs
    assert ours != others_kind


@given(st.text(), st.integers())
def test_equal_values_have_equal_hashes(name: str, size: int) -> None:
    one, other = Derived(name, size), Derived(service=name, seconds=size)

    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("change", [replace, dataclasses.replace])
def test_some_fields_are_replaced(change: Any) -> None:
    changed = change(Ours("users", 1), size=2)

    assert changed == Ours("users", 2)
    with pytest.raises(TypeError):
        change(Ours("users"), colour="blue")


@pytest.mark.parametrize(
    ("arguments", "named", "message"),
    [
        ((), {}, "Ours: 'name' is missing"),
        (("users",), {"name": "x", "colour": "blue"}, "Ours: 'name' is given twice, 'colour' is no field"),
        ((1, 2, 3, 4, 5), {}, "Ours takes 3 arguments, not 5"),
    ],
)
def test_wrong_arguments_are_named(arguments: tuple[Any, ...], named: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Ours(*arguments, **named)


def test_a_value_does_not_change() -> None:
    users: Any = Ours("users")

    with pytest.raises(FrozenInstanceError):
        users.name = "orders"
    with pytest.raises(FrozenInstanceError):
        users.colour = "blue"
    with pytest.raises(FrozenInstanceError):
        del users.name
    assert not hasattr(users, "__dict__")


def test_what_a_field_says_of_itself_is_its_metadata() -> None:
    (field,) = dataclasses.fields(Annotated)

    assert Annotated().seconds == 1.5
    assert field.default == 1.5
    assert dict(field.metadata) == {"unit": "s"}


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_copies_are_equal(copied: Any) -> None:
    for original in (Ours("users", 1, ("b",)), Derived("users", 2.0), Nothing(), Checked("users")):
        assert copied(original) == original


def test_a_value_inherits_fields_as_a_dataclass_does() -> None:
    assert repr(Derived("users")) == "Derived(service='users', seconds=1.0)"
    assert Derived.__match_args__ == ("service", "seconds")
    assert isinstance(Derived("users"), Base)
    assert Base("users") != Derived("users")


def test_values_without_fields_are_equal_to_their_like_alone() -> None:
    assert Nothing() == Nothing()
    other: object = Base("x")
    assert Nothing() != other
    assert len({Nothing(), Nothing()}) == 1


def test_a_value_may_check_and_mend_itself_and_keep_methods_of_its_own() -> None:
    assert Checked("users").name == "USERS"
    assert str(Checked("users")) == "<USERS>"
    with pytest.raises(ValueError, match="name"):
        Checked("")


def test_a_value_may_be_a_sequence() -> None:
    assert list(Row((1, 2))) == [1, 2]
    assert Row((1, 2)) == Row((1, 2))


def test_patterns_take_a_value_apart() -> None:
    match Derived("users", 2.0):
        case Derived(service, seconds):
            assert (service, seconds) == ("users", 2.0)


def test_documentation_tools_see_a_dataclass() -> None:
    ours, theirs = dataclasses.fields(Ours), dataclasses.fields(Theirs)

    assert dataclasses.is_dataclass(Ours)
    assert [(one.name, one.type, one.default, one.metadata) for one in ours] == [
        (one.name, one.type, one.default, one.metadata) for one in theirs
    ]
    assert str(inspect.signature(Ours)) == str(inspect.signature(Theirs))
    assert Ours.__doc__ == "A value."
    assert Ours.__qualname__ == "Ours"


class Tagged(Base):
    """What somebody derives from a value, with an attribute of its own."""

    def __init__(self, service: str, tag: str) -> None:
        super().__init__(service)
        self.tag = tag


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_a_class_of_others_may_add_attributes_and_is_copied_with_them(copied: Any) -> None:
    users: Any = Tagged("users", "blue")

    assert copied(users).tag == "blue"
    assert copied(users).service == "users"
    with pytest.raises(FrozenInstanceError):
        users.service = "orders"


def test_a_value_that_inherits_describes_itself_as_a_dataclass() -> None:
    assert "__dataclass_fields__" in vars(Derived)
    assert [one.name for one in dataclasses.fields(Derived)] == ["service", "seconds"]
