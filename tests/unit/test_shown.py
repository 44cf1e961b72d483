"""Numbers, times and other people's texts, as they are shown."""

from __future__ import annotations

from cloudmap_discovery.shown import counted, duration, shown


def test_a_time_that_was_measured_has_three_digits() -> None:
    times = (0.0004, 0.041, 0.9994, 0.9996, 12.34, 999.6)

    assert [duration(seconds) for seconds in times] == ["0 ms", "41 ms", "999 ms", "1 s", "12.3 s", "1000 s"]


def test_what_cannot_be_printed_is_escaped() -> None:
    assert shown("a\u202eb\x00c\ud800 é") == "a\\u202eb\\x00c\\ud800 é"


def test_a_number_has_its_noun() -> None:
    assert [counted(0, "record"), counted(1, "record"), counted(2, "policy", "policies")] == [
        "0 records",
        "1 record",
        "2 policies",
    ]
