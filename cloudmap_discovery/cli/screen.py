"""What people see: text, tables and progress in their terminal. The only importer of rich."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.shown import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TextIO

    from rich.console import Console
    from rich.text import Text

Span = str | tuple[str, str]
"""A piece of text, or a piece with its style. It may be anybody's: markup in it means nothing, controls are escaped."""

STRONG: Final = "bold"
QUIET: Final = "dim"
GOOD: Final = "green"
ODD: Final = "yellow"
BAD: Final = "red"
ADDRESS: Final = "cyan"

PROSE_COLUMNS: Final = 80
_UNBOUNDED_COLUMNS: Final = 100_000
_LEAST_COLUMNS: Final = 20


@dataclass(frozen=True, slots=True)
class Symbols:
    """The marks that are not words, in Unicode or, where the output cannot show that, in ASCII."""

    yes: str = "✓"
    no: str = "✗"
    none: str = "\N{EN DASH}"
    odd: str = "!"
    chosen: str = "▸"
    times: str = "\N{MULTIPLICATION SIGN}"
    between: str = " · "
    fork: str = "├─ "
    last: str = "└─ "
    trunk: str = "│  "
    ellipsis: str = "…"


ASCII: Final = Symbols("+", "x", "-", "!", ">", "x", ", ", "|- ", "`- ", "|  ", "...")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, the style of its cells, and whether its text may be broken anywhere."""

    heading: str
    style: str = ""
    folds: bool = False
    is_number: bool = False


class Screen:
    """Prints results to `out` and all else to `err`, in colour where these are terminals that have any.

    On a terminal text fits its width; elsewhere, where programs may read it, table rows are never broken. `COLUMNS`,
    `NO_COLOR` and `FORCE_COLOR` are heeded.
    """

    def __init__(self, environment: Mapping[str, str], *, out: TextIO, err: TextIO) -> None:
        self._environment = environment
        self._out_file = out
        self._err_file = err
        self._is_working = False

    @cached_property
    def symbols(self) -> Symbols:
        """The marks that the output can show."""
        return ASCII if self._out.options.ascii_only else Symbols()

    @property
    def columns(self) -> int:
        """How many columns a table may take."""
        return self._out.width

    @staticmethod
    def width(text: str) -> int:
        """Return how many columns the text takes."""
        return _text(text).cell_len

    def result(self, text: str) -> None:
        """Print exactly this line as the result."""
        self._out_file.write(text + "\n")

    def flush(self) -> None:
        """Have the results seen that were printed so far, by whoever reads them through a pipe: the command goes on."""
        self._out_file.flush()

    def blank(self) -> None:
        """Print an empty line."""
        self._out_file.write("\n")

    def line(self, *spans: Span, first: str = "", mark: Span = "", rest: str | None = None) -> None:
        """Print a paragraph. `first` and `mark` stand before its first line, `rest`, or spaces, before the others."""
        self._paragraph(self._out, self._out_file, spans, (first, mark), rest)

    def address(self, *spans: Span, first: str = "", mark: Span = "", rest: str | None = None) -> None:
        """Print a line that is not broken, so that it can be copied; on a terminal it is, if `rest` is given."""
        if rest is not None and self._is_bounded(self._out):
            self.line(*spans, first=first, mark=mark, rest=rest)
        else:
            self._emit(self._out, self._out_file, _text((first, QUIET), mark, *spans))

    def items(self, items: Iterable[str], *, first: str = "", style: str = "") -> None:
        """Print short texts, as many on a line as fit, each line after `first`; nothing if there are none."""
        room = self._prose_columns(self._out) - len(first)
        line = ""
        for item in items:
            longer = f"{line}{self.symbols.between}{item}" if line else item
            if line and self.width(longer) > room:
                self.line((line, style), first=first, rest=first)
                line = item
            else:
                line = longer
        if line:
            self.line((line, style), first=first, rest=first)

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[Sequence[Span]]]) -> None:
        """Print a table; a cell is a sequence of spans."""
        from rich import box  # noqa: PLC0415 -- comes with the [cli] extra
        from rich.table import Table  # noqa: PLC0415 -- comes with the [cli] extra

        table = Table(box=box.ROUNDED, border_style=QUIET, header_style=STRONG)
        for column in columns:
            table.add_column(
                _text(column.heading),
                style=column.style,
                overflow="fold",
                no_wrap=not column.folds,
                justify="right" if column.is_number else "left",
            )
        for row in rows:
            table.add_row(*(_text(*cell) for cell in row))
        self._emit(self._out, self._out_file, table)

    def note(self, text: str) -> None:
        """Print a remark beside the result."""
        self._paragraph(self._err, self._err_file, [(text, QUIET)])

    def warning(self, text: str) -> None:
        """Print a warning."""
        self._paragraph(self._err, self._err_file, [("warning: ", f"{STRONG} {ODD}"), text])

    def error(self, text: str) -> None:
        """Print what went wrong."""
        self._paragraph(self._err, self._err_file, [("error: ", f"{STRONG} {BAD}"), text])

    def hint(self, text: str) -> None:
        """Print what may help after an error; never broken, since it may be a command to be copied."""
        self._emit(self._err, self._err_file, _text(("hint: ", STRONG), text))

    def trouble(self, text: str) -> None:
        """Print these lines to `err` as they are: a traceback, or JSON."""
        self._err_file.write(text if text.endswith("\n") else text + "\n")

    @contextmanager
    def working(self, doing: str) -> Iterator[Callable[[str], None]]:
        """Show on a terminal that something takes its time, and for how long already; yields what changes the words."""
        if not (self._err_file.isatty() and self._err.is_interactive):
            yield lambda _: None
            return
        from rich import progress  # noqa: PLC0415 -- comes with the [cli] extra

        columns = (
            progress.SpinnerColumn("line" if self._err.options.ascii_only else "dots"),
            progress.TextColumn("{task.description}", markup=False),
            progress.TimeElapsedColumn(),
        )
        with progress.Progress(*columns, console=self._err, transient=True) as bar:
            task = bar.add_task(shown(doing), total=None)
            self._is_working = True
            try:
                yield lambda now: bar.update(task, description=shown(now))
            finally:
                self._is_working = False

    @contextmanager
    def counting(self, doing: str) -> Iterator[Callable[[str, int, int], None]]:
        """Show on a terminal how far long work has come; yields what is told the work, how much of it, and of how much."""
        if not (self._err_file.isatty() and self._err.is_interactive):
            yield lambda *_: None
            return
        from rich import progress  # noqa: PLC0415 -- comes with the [cli] extra

        columns = (
            progress.SpinnerColumn("line" if self._err.options.ascii_only else "dots"),
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.TextColumn("{task.fields[count]}", markup=False),
            progress.TimeElapsedColumn(),
        )

        def now(what: str, done: int, of: int) -> None:
            count = f"{done}/{of}" if of else ""
            bar.update(task, description=shown(what), completed=done, total=of or None, count=count)

        with progress.Progress(*columns, console=self._err, transient=True) as bar:
            task = bar.add_task(shown(doing), total=None, count="")
            self._is_working = True
            try:
                yield now
            finally:
                self._is_working = False

    @cached_property
    def _out(self) -> Console:
        return self._console(self._out_file)

    @cached_property
    def _err(self) -> Console:
        return self._console(self._err_file)

    def _console(self, file: TextIO) -> Console:
        from rich.console import Console  # noqa: PLC0415 -- comes with the [cli] extra

        console = Console(file=file, markup=False, emoji=False, highlight=False, _environ=self._environment)
        if not file.isatty() and "COLUMNS" not in self._environment:
            console.width = _UNBOUNDED_COLUMNS
        return console

    @staticmethod
    def _is_bounded(console: Console) -> bool:
        return console.width < _UNBOUNDED_COLUMNS

    def _prose_columns(self, console: Console) -> int:
        return max(console.width if self._is_bounded(console) else PROSE_COLUMNS, _LEAST_COLUMNS)

    def _paragraph(
        self,
        console: Console,
        file: TextIO,
        spans: Sequence[Span],
        first: tuple[str, Span] = ("", ""),
        rest: str | None = None,
    ) -> None:
        before = _text((first[0], QUIET), first[1])
        after = _text((" " * before.cell_len if rest is None else rest, QUIET))
        # What went wrong is one line for those who read it from a file.
        is_wrapped = console is self._out or self._is_bounded(console)
        columns = self._prose_columns(console) if is_wrapped else _UNBOUNDED_COLUMNS
        room = max(columns - max(before.cell_len, after.cell_len), _LEAST_COLUMNS)
        for wrapped in _text(*spans).wrap(console, room, overflow="fold"):
            wrapped.rstrip()
            self._emit(console, file, before + wrapped)
            before = after

    def _emit(self, console: Console, file: TextIO, renderable: object) -> None:
        soft_wrap = not hasattr(renderable, "columns")
        if self._is_working and console is self._err:
            console.print(renderable, soft_wrap=soft_wrap)  # above the progress
            return
        with console.capture() as captured:
            console.print(renderable, soft_wrap=soft_wrap)
        # Not through the console: it would end the process where the reader of a pipe has gone.
        encoding = file.encoding or "utf-8"
        printable = captured.get().encode(encoding, "backslashreplace").decode(encoding)
        file.writelines(line.rstrip() + "\n" for line in io.StringIO(printable))


def _text(*spans: Span) -> Text:
    from rich.text import Text  # noqa: PLC0415 -- comes with the [cli] extra

    text = Text()
    for span in spans:
        words, style = (span, None) if isinstance(span, str) else span
        text.append(shown(words), style)
    return text
