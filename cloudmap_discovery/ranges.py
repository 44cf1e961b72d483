"""What a requested version means: parsed once, then asked of every record."""

from __future__ import annotations

import operator
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.errors import ConfigurationError, InvalidValueError
from cloudmap_discovery.limits import check_text
from cloudmap_discovery.semver import parse_version
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudmap_discovery.semver import Precedence

_MAX_LENGTH: Final = 256  # as of a version, which is npm's; it also bounds what regular expressions can cost
_REMEMBERED: Final = 256
_ALLOWED: Final = (
    "must be a version (1.4.2), an npm-style range (^1.2, 2.x, >=1.0.0 <3.0.0, 1.x || 2.x) "
    "or exactly what a record says (latest, 2024.01.05)"
)
_COMPARE: Final[Mapping[str, Callable[[Precedence, Precedence], bool]]] = {
    "": operator.eq,  # as node-semver writes it
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

# Patterns are text: `re` compiles and keeps them at first use, and few processes use them.
_LITERAL = r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
_NUMBER = r"(?:0|[1-9][0-9]*)"
_TAG = r"-[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_TAGGED = rf"([\^~<>=v ]*(?:{_NUMBER}(?:\.{_NUMBER})?|[xX*])(?:\.[xX*])*)({_TAG})"
_BUILD = r"(?<=[A-Za-z0-9*])\+[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
# A number behind an x, other than after ^ or ~, or stars that are no version: npm refuses them, node-semver drops them.
_DISORDERED = rf"(?:^|(?<![\^~<>=v]) )[<>=v ]*(?:(?:{_NUMBER}|[xX*])\.)?[xX*]\.[0-9]|\*(?!\.)[^ ]*\*"
_FULL_BOUND = r"<[ v]*([0-9]+\.[0-9]+\.[0-9]+)(?= |$)"


@value
class VersionRange:
    """The versions that a request takes: exact, a range, or what a record says literally."""

    text: str
    """As requested, without white space around it."""
    suffix: str
    """What is appended to each version that is taken, such as `-staging`; or nothing."""
    _alternatives: tuple[_Alternative, ...]

    def matches(self, version: str | None) -> bool:
        """Return whether a record of this version, whatever text that is, is one of those requested."""
        own = None if version is None else _without(self.suffix, version)
        if own is None:
            return False
        return own == self.text or any(alternative.takes(own) for alternative in self._alternatives)

    def __str__(self) -> str:
        """Return the request in words."""
        return f"{self.text} with {self.suffix} appended" if self.suffix else self.text


@value
class _Alternative:
    """Bounds that a version keeps all of, once the tag at its end is taken away."""

    tag: str
    bounds: tuple[tuple[str, Precedence], ...]

    def takes(self, version: str) -> bool:
        own = _without(self.tag, version)
        parsed = None if own is None else parse_version(own)
        if parsed is None:
            return False
        precedence = parsed.precedence
        if not all(_COMPARE[name](precedence, bound) for name, bound in self.bounds):
            return False
        # As npm has it: a pre-release only where a bound is one of the very same release.
        return parsed.is_release or any(
            bound[:3] == precedence[:3] and not bound[3] for _, bound in self.bounds
        )


def parse_range(text: Any, suffix: str = "") -> VersionRange:
    """Return what the text asks for: `1.4.2`, an npm-style range such as `^1.2`, or what a record says literally.

    `suffix`, a pre-release part such as `-staging`, is appended to every version that the text takes. An x or partial
    version with a tag (`3.x-staging`) takes the versions of `3.x` with that tag. Raises `InvalidValueError` for
    anything else, and `ConfigurationError` where node-semver, which reads ranges, cannot be used.
    """
    stripped = check_text("version", text).strip()
    if not stripped:
        raise InvalidValueError("version", text, "must not be blank")
    if len(stripped) > _MAX_LENGTH:
        raise InvalidValueError(
            "version", text, f"has {len(stripped)} characters; the limit is {_MAX_LENGTH}"
        )
    return _parse(stripped, suffix)


@lru_cache(maxsize=_REMEMBERED)
def _parse(text: str, suffix: str) -> VersionRange:
    exact = parse_version(text)
    if exact is not None:
        # Build metadata have no precedence: who names them means that very text.
        equal = _Alternative("", (("=", exact.precedence),))
        return VersionRange(text, suffix, () if "+" in text else (equal,))
    try:
        return VersionRange(text, suffix, _alternatives(text))
    except ValueError as error:
        if re.fullmatch(_LITERAL, text) and not re.search(_DISORDERED, text):
            return VersionRange(text, suffix, ())
        raise InvalidValueError("version", text, _ALLOWED) from error


def _alternatives(text: str) -> tuple[_Alternative, ...]:
    """Return the parts between `||`; raises a ValueError if one of them is no range."""
    spaced = " ".join(text.split())
    if not spaced.isascii():
        raise ValueError(text)
    parser = _parser(text)
    found = [_alternative(part.strip(), parser) for part in re.sub(_BUILD, "", spaced).split("||")]
    if _ANY in found:
        # To npm, `*` beside anything is `*`, which takes no pre-releases.
        found = [_ANY, *(each for each in found if each.tag)]
    return tuple(found)


def _alternative(part: str, parser: Callable[..., object]) -> _Alternative:
    if " - " not in part and re.search(_DISORDERED, part):
        raise ValueError(part)
    tagged = re.fullmatch(_TAGGED, part)
    if tagged is None or parse_version(f"0.0.0{tagged[2]}") is None:
        return _Alternative("", _bounds(part, parser))
    return _Alternative(tagged[2], _bounds(tagged[1], parser))


def _bounds(part: str, parser: Callable[..., object]) -> tuple[tuple[str, Precedence], ...]:
    full = re.findall(_FULL_BOUND, part)
    bounds = []
    for comparator in str(parser(part, loose=False)).split():
        version = comparator.lstrip("<>=")
        name = comparator.removesuffix(version)
        if name == "<" and "-" not in version and version not in full:
            version += "-0"  # what ^, ~, x and partial versions end below: its pre-releases, too, which node-semver forgets
        parsed = parse_version(version)
        if parsed is None:
            raise ValueError(part)
        if comparator != _LEAST:
            bounds.append((name, parsed.precedence))
    return tuple(bounds)


def _parser(text: str) -> Callable[..., object]:
    """Return node-semver's parser: what it returns is, as text, the same range in plain comparators."""
    try:
        from nodesemver import make_range

        return _checked(make_range)
    except Exception as error:  # what stands in its place is not ours, and may raise anything
        from cloudmap_discovery.shadowing import shadowing  # noqa: PLC0415 -- for this error only

        allowed = (
            "a full version, such as 1.4.2, as long as nodesemver, of the package node-semver, which reads ranges, "
            f"cannot be used here ({type(error).__name__}: {error})"
        )
        shadows = shadowing(("nodesemver",))
        raise ConfigurationError("version", text, f"{allowed}: {shadows}" if shadows else allowed) from error


def _checked(make_range: Callable[..., object]) -> Callable[..., object]:
    plain = str(make_range("^1.2", loose=False))
    if plain != ">=1.2.0 <2.0.0":
        raise ValueError(f"it takes ^1.2 for {plain!r}")
    return make_range


def _without(suffix: str, version: str) -> str | None:
    """Return the version without the suffix, which build metadata may follow; None if it does not have it."""
    at = version.find("+") if parse_version(version) is not None else -1
    own, build = (version, "") if at < 0 else (version[:at], version[at:])
    return f"{own.removesuffix(suffix)}{build}" if own.endswith(suffix) else None


_LEAST: Final = ">=0.0.0"  # as good as no bound, and taken for none by npm
_ANY: Final = _Alternative("", ())
