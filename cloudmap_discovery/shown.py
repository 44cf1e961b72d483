"""Text of other people's, made safe to be printed: nothing in it moves the cursor, hides or rings."""

from __future__ import annotations


def shown(text: str) -> str:
    r"""Return the text with everything that is not printable escaped, as in `\x1b` or `\u202e`."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def in_stage(stage: str) -> str:
    """Return how a sentence says the stage."""
    return "without a stage" if stage == "-" else f"in stage {stage}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return the number with its noun, `1 record` or `2 records`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """Return a time that was measured, to three digits: `41 ms`, `1.25 s`, `900 s`."""
    if seconds < 0.9995:  # noqa: PLR2004 -- what is more rounds to a second
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.3g} s" if seconds < 999.5 else f"{seconds:.0f} s"  # noqa: PLR2004 -- .3g would write 1e+03
