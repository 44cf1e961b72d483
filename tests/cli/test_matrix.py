"""What stands in a cell of the matrix, and which of its columns stand beside each other."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.matrix import Cell, Matrix, side_by_side
from tests.cli.cli_bed import record


def text(cell: Cell) -> str:
    return cell.text(yes="yes", times="x")


def test_versions_come_highest_first_with_their_number() -> None:
    cell = Cell.of(
        [
            record("users", version="1.9.0", variant="a"),
            record("users", version="1.10.0"),
            record("users", version="1.9.0"),
        ]
    )

    assert text(cell) == "1.10.0, 1.9.0 x2"


def test_a_record_without_a_version_is_marked() -> None:
    assert text(Cell.of([record("users")])) == "yes"


def test_versions_beyond_three_are_counted_by_their_records() -> None:
    records = [record("users", version=f"1.{minor}.0") for minor in range(5)]

    cell = Cell.of([*records, record("users", version="1.0.0", variant="b")])

    assert text(cell) == "1.4.0, 1.3.0, 1.2.0, +3"


def test_tenants_records_are_counted_apart() -> None:
    own = record("users", version="1.0.0")
    theirs = [record("users", version="1.0.0", tenant=name) for name in ("acme", "globex")]

    assert text(Cell.of([own, *theirs])) == "1.0.0 + 2 tenants"
    assert text(Cell.of(theirs[:1])) == "1 tenant"


def test_a_cell_is_drained_only_if_every_record_is() -> None:
    drained = record("users", weight=0)

    assert Cell.of([drained]).drained
    assert not Cell.of([drained, record("users", variant="b")]).drained


def test_stages_are_sorted_without_regard_to_case_and_no_stage_is_last() -> None:
    records = [record("users", stage=stage) for stage in ("-", "b", "A", "c")]

    matrix = Matrix.of({"users": records})

    assert matrix.stages == ("A", "b", "c", "-")


def test_a_service_without_records_is_a_row_of_missing_cells() -> None:
    matrix = Matrix.of({"users": [record("users")], "empty": []})

    assert matrix.services == ("empty", "users")
    assert matrix.missing == 1


@given(
    widths=st.lists(st.integers(min_value=1, max_value=60), min_size=1, max_size=30),
    room=st.integers(-5, 120),
)
def test_each_column_stands_in_exactly_one_run_and_a_run_fits_unless_it_is_one_column(
    widths: list[int], room: int
) -> None:
    runs = side_by_side(widths, room)

    assert [width for run in runs for width in widths[run]] == widths
    assert all(sum(widths[run]) <= room or len(widths[run]) == 1 for run in runs)
    # and none could have taken the first column of the next
    assert all(sum(widths[run]) + widths[after.start] > room for run, after in pairwise(runs))
