"""Frozen, slotted values: dataclasses to whoever looks, at a fraction of their cost at import.

The standard decorator writes and compiles source for every method of every class, 0.7 ms for each of the forty that a
cold function imports. Here all classes share their methods, and what describes a class to `dataclasses.fields`,
`dataclasses.asdict` or `inspect.signature` is made when somebody asks.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")


class Described:
    """In the place of a field's default: the default, with `metadata` as `dataclasses.field` has it."""

    __slots__ = ("default", "metadata")

    def __init__(self, default: Any, metadata: Mapping[str, Any]) -> None:
        self.default = default
        self.metadata = metadata


@dataclass_transform(frozen_default=True)
def value(cls: type[T]) -> type[T]:
    """Make a frozen value of a class whose body lists its fields, as `dataclass(frozen=True, slots=True)` does.

    Defaults, `__post_init__`, inheritance, equality, hash, text, patterns, copying and pickling are those of a
    dataclass; `dataclasses.field` is not understood. Methods that the class has itself are left alone.
    """
    own: dict[str, Any] = cls.__annotations__
    body = {name: item for name, item in vars(cls).items() if name not in {"__dict__", "__weakref__"}}
    declared = {name: body.pop(name) for name in own if name in body}
    if body.get("__hash__") is None:
        body.pop("__hash__", None)  # the language sets it to None beside an __eq__ of the class
    inherited: _Layout | None = getattr(cls, "__value_layout__", None)
    if inherited is not None:
        declared = {**inherited.declared, **declared}
    layout = _Layout({**(inherited.annotations if inherited else {}), **own}, declared)
    metaclass: Any = type(cls)
    methods = {
        **(_DESCRIPTION if inherited else {**_METHODS, **_DESCRIPTION}),
        **body,
        "__slots__": tuple(own),
        "__match_args__": layout.names,
    }
    made: type[T] = metaclass(
        cls.__name__, cls.__bases__, {**methods, "__annotations__": own, "__value_layout__": layout}
    )
    layout.setters = tuple(getattr(made, name).__set__ for name in layout.names)
    layout.runs_post_init = hasattr(made, "__post_init__")
    return made


def declared(cls: type) -> dict[str, Any]:
    """Return what the body of a value's class says of each field that has a default: that, or a `Described`."""
    layout: _Layout = vars(cls)["__value_layout__"]
    return layout.declared


def replace(given: T, /, **changes: Any) -> T:
    """Return a value with some fields changed, as `dataclasses.replace` does."""
    names: tuple[str, ...] = vars(type(given))["__match_args__"]
    kept = {name: getattr(given, name) for name in names if name not in changes}
    return type(given)(**kept, **changes)


class _Layout:
    """The fields of one class in order, what sets them, and what they are if nothing is given."""

    __slots__ = (
        "annotations",
        "declared",
        "defaults",
        "items",
        "names",
        "runs_post_init",
        "setters",
        "twin",
    )

    def __init__(self, annotations: dict[str, Any], declared: dict[str, Any]) -> None:
        self.annotations = annotations
        self.declared = declared
        self.names = names = tuple(annotations)
        self.defaults = {
            name: item.default if isinstance(item, Described) else item for name, item in declared.items()
        }
        self.items: Callable[[Any], Any] = attrgetter(*names) if names else _no_items
        self.runs_post_init = False
        self.setters: tuple[Callable[[Any, Any], None], ...] = ()
        self.twin: type | None = None


def _no_items(_: object) -> tuple[()]:
    return ()


def _init(self: Any, /, *given: Any, **named: Any) -> None:
    layout: _Layout = self.__value_layout__
    names, setters = layout.names, layout.setters
    if len(given) > len(names):
        raise TypeError(f"{type(self).__name__} takes {len(names)} arguments, not {len(given)}")
    for setter, item in zip(setters, given, strict=False):
        setter(self, item)
    missing = []
    for index in range(len(given), len(names)):
        name = names[index]
        if name in named:
            setters[index](self, named.pop(name))
        elif name in layout.defaults:
            setters[index](self, layout.defaults[name])
        else:
            missing.append(name)
    if missing or named:
        wrong = [f"{name!r} is missing" for name in missing]
        wrong += [f"{name!r} is {'given twice' if name in names else 'no field'}" for name in named]
        raise TypeError(f"{type(self).__name__}: {', '.join(wrong)}")
    if layout.runs_post_init:
        self.__post_init__()


def _setattr(self: Any, name: str, item: object) -> None:
    if _is_of_others(self) and name not in self.__value_layout__.names:
        object.__setattr__(self, name, item)
        return
    from dataclasses import FrozenInstanceError  # noqa: PLC0415 -- only where somebody tries

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(self: Any, name: str) -> None:
    if _is_of_others(self) and name not in self.__value_layout__.names:
        object.__delattr__(self, name)
        return
    from dataclasses import FrozenInstanceError  # noqa: PLC0415 -- only where somebody tries

    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__value_layout__.names)
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: Any) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    items = self.__value_layout__.items
    return items(self) == items(other)


def _hash(self: Any) -> int:
    return hash(self.__value_layout__.items(self))


def _is_of_others(self: object) -> bool:
    # A class that derives from a value without being one has attributes of its own.
    return "__value_layout__" not in vars(type(self))


def _getstate(self: Any) -> tuple[list[Any], dict[str, Any]]:
    return [getattr(self, name) for name in self.__value_layout__.names], getattr(self, "__dict__", {})


def _setstate(self: Any, state: tuple[list[Any], dict[str, Any]]) -> None:
    items, more = state
    for setter, item in zip(self.__value_layout__.setters, items, strict=True):
        setter(self, item)
    for name, item in more.items():
        object.__setattr__(self, name, item)


class _OfTwin:
    """An attribute of the class that is the one of a real dataclass with the same fields, made at first use."""

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[type], Any]) -> None:
        self._read = read

    def __get__(self, instance: object, owner: Any) -> Any:
        layout: _Layout = owner.__value_layout__
        if layout.twin is None:
            from dataclasses import field, make_dataclass  # noqa: PLC0415 -- this is what costs so much

            given = [
                (name, hint, _as_field(field, layout.declared[name]) if name in layout.declared else field())
                for name, hint in layout.annotations.items()
            ]
            layout.twin = make_dataclass(owner.__name__, given, frozen=True, slots=True)
        return self._read(layout.twin)


def _as_field(field: Any, declared: Any) -> Any:
    if isinstance(declared, Described):
        return field(default=declared.default, metadata=declared.metadata)
    return field(default=declared)


def _signature(twin: type) -> Any:
    from inspect import signature  # noqa: PLC0415 -- only for whoever reads documentation

    return signature(twin)


_METHODS: Final[Mapping[str, Any]] = {
    "__init__": _init,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
    "__replace__": replace,
}
# In each class itself, where some look for them.
_DESCRIPTION: Final[Mapping[str, Any]] = {
    "__dataclass_fields__": _OfTwin(attrgetter("__dataclass_fields__")),
    "__dataclass_params__": _OfTwin(attrgetter("__dataclass_params__")),
    "__signature__": _OfTwin(_signature),
}
