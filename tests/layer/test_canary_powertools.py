"""The layer and that of Powertools, attached to one function: merged into the same `/opt/python`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.layer.canary_bed import EVENT, URL
from tests.layer.neighbours import OLD_BOTO3, merge_layers, old_packages, powertools

if TYPE_CHECKING:
    from layer.interpreters import Interpreter
    from tests.layer.canary_bed import Bed
    from tests.runtime.emulator import Invocation

pytest_plugins = ["tests.layer.canary_fixtures"]


def invoke_with_both(bed: Bed, interpreter: Interpreter, *, flavor: str, ours_last: bool) -> Invocation:
    ours = bed.layers.zip(bed.target(flavor, interpreter))
    theirs = powertools(interpreter)
    opt = bed.folder / "opt"
    merge_layers([theirs, ours] if ours_last else [ours, theirs], opt)
    bed.aws.seed_parameter("/greeting", "hello")
    function = bed.function(
        interpreter,
        opt,
        module="canary_powertools",
        runtime_packages=old_packages(OLD_BOTO3, interpreter),
    )
    return function.invoke({**EVENT, "parameter": "/greeting"})


def assert_both_work(answer: Invocation) -> None:
    assert answer.error_type is None, f"{answer.payload}\n{answer.log}"
    assert answer.payload == {"url": URL, "greeting": "hello"}
    (line,) = answer.log.splitlines()
    logged = json.loads(line)
    assert (logged["message"], logged["service"], logged["url"]) == ("found", "canary", URL)
    assert logged["function_name"] == "function"


@pytest.mark.parametrize("ours_last", [False, True], ids=["theirs over ours", "ours over theirs"])
@pytest.mark.parametrize("flavor", ["slim", "full"])
def test_powertools_and_discover_work_in_one_function_whichever_layer_is_unpacked_last(
    bed: Bed, newest: Interpreter, flavor: str, *, ours_last: bool
) -> None:
    assert_both_work(invoke_with_both(bed, newest, flavor=flavor, ours_last=ours_last))


def test_powertools_and_discover_work_in_one_function_on_every_python(
    bed: Bed, interpreter: Interpreter
) -> None:
    assert_both_work(invoke_with_both(bed, interpreter, flavor="slim", ours_last=True))
