"""Asks npm's own semver which versions many ranges take, for `tests/unit/test_ranges_npm.py` to hold ours against.

python -m tests.project.npm_ranges FOLDER            renews tests/unit/npm_ranges.json
python -m tests.project.npm_ranges FOLDER 20000      shows where ours differs on so many other ranges

By hand, with node; FOLDER is one where `npm install semver@7.8.6` was run. The same folder gives the same file.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any, Final

from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.ranges import parse_range
from cloudmap_discovery.semver import parse_version

TABLE: Final = Path(__file__).parents[1] / "unit/npm_ranges.json"
SHOWN: Final = 600  # ranges in the table, beside those written here
_ASK: Final = """
const semver = require("semver"), {versions, ranges} = JSON.parse(require("fs").readFileSync(0));
const taken = range => versions.flatMap((version, index) => semver.satisfies(version, range) ? [index] : []);
console.log(JSON.stringify({
  semver: require("semver/package.json").version,
  ranges: Object.fromEntries(ranges.map(range => [range, semver.validRange(range) === null ? null : taken(range)])),
}));
"""
VERSIONS: Final = (
    *("0.0.0-0", "0.0.0", "0.0.1-beta.2", "0.0.1", "0.0.3", "0.1.0-rc.1", "0.1.0", "0.1.9-alpha", "0.1.9"),
    *("0.2.0-0", "0.2.3", "0.9.12", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "1.0.0-staging", "1.0.0"),
    *("1.0.1", "1.1.0", "1.1.9", "1.2.0-0", "1.2.0-alpha", "1.2.0", "1.2.3-1", "1.2.3-beta.2", "1.2.3-rc.10"),
    *("1.2.3", "1.2.3+b1", "1.2.4-beta", "1.2.8-beta", "1.3.0", "1.10.0", "2.0.0-0", "2.0.0-rc.1", "2.0.0"),
    *("2.0.3", "2.3.0", "2.3.9-alpha.1", "3.0.0-0", "3.0.0", "3.7.9", "3.7.9-staging", "9.9.9", "12.3.1-rc"),
    "12.10.0",
)
# What people write, and what npm is known to treat in a way of its own.
_WRITTEN: Final = (
    *("^1.2", "2.x", "1", "~1.2.3", ">=1 <3", "1.2 - 2.3", "1 || 2", "*", ">= 1.2.3", "v1.2.3", "=1.2.3"),
    *(
        "> 1.2 < 3",
        "^ 1.2",
        "~> 1.2",
        "~>1.2",
        "=v1.2.3",
        "^v1.2",
        "1.2.3  -  2.0.0",
        ">=1.2.3, <2",
        "01.2.3",
    ),
    *(
        "^1.2.8-beta",
        "1.2.3-01",
        ">1",
        "<1.x",
        "1.2 - 2.3.x",
        "^0.0",
        "^0",
        "^0.0.x",
        ">*",
        "<*",
        "<=*",
        "!=1.2.3",
    ),
    *(
        "~1.2.3-beta.2",
        "1.x.3",
        "x.2.3",
        "1.*.3",
        "^1.x.3",
        "1.x.3 - 2",
        "x.x.3",
        ">=x.1",
        "||",
        "1.x ||",
        "+b1",
    ),
    *(
        "X||>0.1.9-alpha",
        "1.1.* ^1.2.0-0",
        "*||1.2.0-alpha - *",
        ">=0.0.0 || 1.0.0-beta",
        "* * || >=1.0.0-0 <1",
    ),
    *(
        "^1.2.3+b1",
        "1.x+b1",
        ">=1.2.3+b1 <2",
        "1.2.3+b1 - 2+b2",
        ">=0.0.0+b1 || 1.0.0-beta",
        "1.2.3 1.2.3+b2",
    ),
    *(
        "<1.2.0 >=1.2.0-0",
        "<1.2 >=1.2.0-0",
        "<=1.1 >=1.2.0-0",
        "<0.0.0 >=0.0.0-0",
        "<* || 1.x",
        ">=v0.0.0 || 1.0.0-beta",
    ),
    *(
        "^^1",
        ">=abc",
        "1.2.",
        "1..2",
        "^",
        "~",
        ">",
        "=",
        "v",
        "- 1",
        "1 -",
        "1 - 2 - 3",
        "1-2",
        "1.2-2.3",
        "1 -2",
    ),
    *(
        "1.0.0 -2.0.0",
        "1|2",
        "1 | 2",
        "|| 1",
        "> =1.2.3",
        "< = 2",
        "^>1",
        ">^1",
        "~^1",
        "<>1",
        ">>1",
        "=>1",
        "==1",
        "=>1.2.3",
    ),
    *(
        "3.x-staging",
        "5.x.x-staging",
        "^1.2-staging",
        "1-staging",
        "~1-rc.1",
        "3.x.x-staging || 1.0.0",
        "^1.x.x-0",
    ),
    *(
        ">=1.x.x-rc <3",
        "1.0 - 3.x.x-staging",
        "*-staging",
        "^9007199254740991",
        ">=9007199254740992.0.0",
        "<=9007199254740991",
    ),
    *(
        "1.2.3\t||\n2",
        " 1.x ",
        ">1.2.3-0 <1.2.4",
        ">=1.2.3-beta.1 <=1.2.3",
        "1.2.3-beta.02",
        "1.2.3-",
        "1.2.3+",
        "x",
        "X.x",
        "*.*.*",
    ),
)


def ranges(count: int, seed: int) -> list[str]:
    """Return so many different ranges, the same ones for the same seed, sensible ones among many odd ones."""
    random = Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        alternatives = [_alternative(random) for _ in range(random.choice((1, 1, 1, 1, 2, 3)))]
        text = random.choice((" || ", "||", "|| ")).join(alternatives)
        if text:
            found[text] = None
    return list(found)


def ask_npm(folder: Path, asked: list[str]) -> dict[str, Any]:
    """Return what npm takes of `VERSIONS` for each range, as their indices; None for what it refuses."""
    done = subprocess.run(
        ["node", "-e", _ASK],  # noqa: S607 -- whichever node the person who runs this has
        cwd=folder,
        input=json.dumps({"versions": VERSIONS, "ranges": asked}),
        capture_output=True,
        text=True,
        check=True,
    )
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def taken_by_ours(text: str) -> list[int] | None:
    """Return which of `VERSIONS` we take for the text, as their indices; None for what is no range to us."""
    try:
        asked = parse_range(text)
    except InvalidValueError:
        return None
    if not asked._alternatives and parse_version(text.strip()) is None:  # what a record may say literally
        return None
    return [index for index, version in enumerate(VERSIONS) if asked.matches(version)]


def _number(random: Random) -> str:
    return str(random.choice((0, 0, 1, 1, 1, 2, 2, 3, 9, 10, 12)))


def _tag(random: Random) -> str:
    return random.choice(("alpha", "beta", "rc", "alpha.1", "beta.2", "rc.10", "0", "1", "staging", "1.x"))


def _version(random: Random) -> str:
    numbers = [_number(random) for _ in range(random.choice((1, 2, 3, 3, 3)))]
    if random.random() < 0.25:  # an x, and what follows it mostly too
        first = random.randrange(len(numbers))
        many = len(numbers) - first if random.random() < 0.9 else 1
        numbers[first : first + many] = [random.choice("xX*")] * many
    text = ".".join(numbers)
    if len(numbers) == 3 and random.random() < (0.3 if text.replace(".", "").isdigit() else 0.05):
        text += f"-{_tag(random)}"
    if random.random() < 0.04:
        text += "+b1"
    return random.choice(("", "", "", "", "", "", "", "", "v", "=")) + text


def _comparator(random: Random) -> str:
    name = random.choice(("", "", "", "^", "^", "~", "~", "~>", ">=", "<=", ">", "<", "="))
    space = random.choice(("", "", "", "", "", " ")) if name else ""
    return f"{name}{space}{_version(random)}"


def _alternative(random: Random) -> str:
    kind = random.random()
    if kind < 0.14:
        return f"{_version(random)}{random.choice((' - ', ' - ', '  -  '))}{_version(random)}"
    if kind < 0.18:
        return random.choice(("*", "x", "X", ""))
    space = random.choice((" ", " ", " ", "  "))
    return space.join(_comparator(random) for _ in range(random.choice((1, 1, 1, 2, 2, 3))))


def _renewed(folder: Path) -> str:
    asked = list(dict.fromkeys((*_WRITTEN, *ranges(SHOWN, seed=1))))
    answers = ask_npm(folder, asked)
    lines = ",\n".join(
        f"{json.dumps(text)}: {json.dumps(answers['ranges'][text], separators=(',', ':'))}" for text in asked
    )
    versions = json.dumps(VERSIONS)
    return f'{{"semver": "{answers["semver"]}",\n"versions": {versions},\n"ranges": {{\n{lines}\n}}}}\n'


def _compared(folder: Path, count: int) -> str:
    answers = ask_npm(folder, ranges(count, seed=2))["ranges"]
    differing = [
        f"{text!r}: npm {_shown(taken)}; ours {_shown(taken_by_ours(text))}"
        for text, taken in answers.items()
        if taken != taken_by_ours(text)
    ]
    return "\n".join([*differing, f"{len(differing)} of {len(answers)} differ\n"])


def _shown(taken: list[int] | None) -> str:
    return "refuses it" if taken is None else ", ".join(VERSIONS[index] for index in taken) or "takes none"


def main() -> None:
    match sys.argv[1:]:
        case [folder]:
            TABLE.write_text(_renewed(Path(folder)), encoding="utf-8")
        case [folder, count]:
            sys.stdout.write(_compared(Path(folder), int(count)))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
