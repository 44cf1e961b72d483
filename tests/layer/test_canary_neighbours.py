"""Old or foreign packages in the function's own package, which come before the layer's: it works, or says what shadows what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.layer.canary_bed import EVENT, URL
from tests.layer.neighbours import (
    OLD_AIOBOTOCORE,
    OLD_AIOBOTOCORE_ALONE,
    OLD_BOTO3,
    OLD_PYDANTIC,
    OLD_PYDANTIC_SETTINGS,
    OLD_TENACITIES,
    UNUSABLE_TENACITY,
)

if TYPE_CHECKING:
    from pathlib import Path

    from layer.interpreters import Interpreter
    from tests.layer.canary_bed import Bed
    from tests.runtime.emulator import Invocation

pytest_plugins = ["tests.layer.canary_fixtures", "tests.standin.fixtures"]

FLAVORS: Final = ("slim", "full")
DISCOVER: Final = "servicediscovery:DiscoverInstances"
WITH_SDK: Final = {"DISCOVERY_TRANSPORT": "sdk"}
USERS: Final = {"endpoint": URL, "stage": "Production"}


def assert_works(answer: Invocation) -> None:
    assert answer.error_type is None, f"{answer.payload}\n{answer.log}"
    assert answer.payload["url"] == URL
    assert answer.log == ""


def assert_says(answer: Invocation, *, error_type: str, shadows: Path, shadowed: Path) -> None:
    said = answer.payload["errorMessage"]
    assert answer.error_type == error_type, f"{answer.payload}\n{answer.log}"
    assert f"{shadows} " in said
    assert f"{shadowed} " in said
    assert said.index(f"{shadows} ") < said.index(f"{shadowed} ")


@pytest.mark.parametrize("brings", OLD_TENACITIES, ids=lambda pins: pins[0])
@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_retry_works_with_an_old_tenacity(
    bed: Bed, newest: Interpreter, flavor: str, brings: tuple[str, ...]
) -> None:
    function = bed.function(newest, bed.opt(flavor, newest), brings=brings)
    bed.aws.faults.error("InternalFailure", DISCOVER, status=500, count=1)

    answer = function.invoke({**EVENT, "import": ["tenacity"]})

    assert_works(answer)
    assert bed.aws.calls() == {DISCOVER: 2}
    assert answer.payload["files"] == {"tenacity": f"{bed.task_root}/tenacity/__init__.py"}


def test_a_retry_works_with_an_old_tenacity_on_every_python(bed: Bed, interpreter: Interpreter) -> None:
    function = bed.function(interpreter, bed.opt("slim", interpreter), brings=OLD_TENACITIES[0])
    bed.aws.faults.error("InternalFailure", DISCOVER, status=500, count=1)

    answer = function.invoke(EVENT)

    assert_works(answer)
    assert bed.aws.calls() == {DISCOVER: 2}


@pytest.mark.parametrize("environment", [{}, WITH_SDK], ids=["direct", "sdk"])
def test_a_lookup_that_needs_no_retry_works_whatever_stands_in_tenacitys_place(
    bed: Bed, newest: Interpreter, environment: dict[str, str]
) -> None:
    function = bed.function(
        newest, bed.opt("full", newest), brings=UNUSABLE_TENACITY, environment=environment
    )

    assert_works(function.invoke(EVENT))


def test_a_retry_that_an_unusable_tenacity_prevents_says_what_shadows_what(
    bed: Bed, newest: Interpreter
) -> None:
    opt = bed.opt("slim", newest)
    function = bed.function(newest, opt, brings=UNUSABLE_TENACITY)
    bed.aws.faults.error("InternalFailure", DISCOVER, status=500, count=1)

    answer = function.invoke(EVENT)

    assert_says(
        answer,
        error_type="DiscoveryUnavailableError",
        shadows=bed.task_root / "tenacity",
        shadowed=opt / "python" / "tenacity",
    )
    assert "InternalFailure" in answer.payload["errorMessage"]
    assert bed.aws.calls()[DISCOVER] == 1


def test_a_retry_that_another_module_of_tenacitys_name_prevents_says_what_shadows_what(
    bed: Bed, newest: Interpreter
) -> None:
    opt = bed.opt("slim", newest)
    function = bed.function(newest, opt)
    (bed.task_root / "tenacity.py").write_text('"""How stubborn customers are."""\n\nSCALE = range(10)\n')
    bed.aws.faults.error("InternalFailure", DISCOVER, status=500, count=1)

    answer = function.invoke(EVENT)

    assert_says(
        answer,
        error_type="DiscoveryUnavailableError",
        shadows=bed.task_root / "tenacity.py",
        shadowed=opt / "python" / "tenacity",
    )


def test_a_range_is_read_with_the_layers_nodesemver(bed: Bed, interpreter: Interpreter) -> None:
    opt = bed.opt("slim", interpreter)
    bed.aws.seed_instance("services", "users", "1", {**USERS, "version": "1.3.0"})

    answer = bed.function(interpreter, opt).invoke({**EVENT, "version": "^1.2", "import": ["nodesemver"]})

    assert_works(answer)
    assert answer.payload["files"] == {"nodesemver": f"{opt}/python/nodesemver/__init__.py"}


def test_a_range_that_another_module_of_nodesemvers_name_prevents_says_what_shadows_what(
    bed: Bed, newest: Interpreter
) -> None:
    opt = bed.opt("slim", newest)
    function = bed.function(newest, opt)
    (bed.task_root / "nodesemver.py").write_text('"""Semver, as our build tools have it."""\n\nMAJOR = 1\n')
    bed.aws.seed_instance("services", "users", "1", {**USERS, "version": "1.3.0"})

    full, range_ = (
        function.invoke({**EVENT, "version": "1.3.0"}),
        function.invoke({**EVENT, "version": "^1.2"}),
    )

    assert_works(full)
    assert_says(
        range_,
        error_type="ConfigurationError",
        shadows=bed.task_root / "nodesemver.py",
        shadowed=opt / "python" / "nodesemver",
    )


@pytest.mark.parametrize("brings", [OLD_BOTO3, OLD_AIOBOTOCORE, OLD_PYDANTIC], ids=lambda pins: pins[0])
@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_lookup_works_beside_an_old_sdk_and_an_old_pydantic(
    bed: Bed, newest: Interpreter, flavor: str, brings: tuple[str, ...]
) -> None:
    name = brings[0].partition("==")[0]
    function = bed.function(newest, bed.opt(flavor, newest), brings=brings)

    answer = function.invoke({**EVENT, "import": [name] if name != "aiobotocore" else ["boto3"]})

    assert_works(answer)
    assert all(file.startswith(f"{bed.task_root}/") for file in answer.payload["files"].values())


@pytest.mark.usefixtures("orders")
def test_the_functions_own_old_boto3_works_beside_the_full_layer(bed: Bed, newest: Interpreter) -> None:
    function = bed.function(newest, bed.opt("full", newest), module="canary_dynamodb", brings=OLD_BOTO3)

    answer = function.invoke({**EVENT, "order": "1"})

    assert answer.error_type is None, f"{answer.payload}\n{answer.log}"
    assert (answer.payload["after"], answer.payload["to"]) == ("sent", URL)
    assert answer.payload["boto3"].startswith(f"{bed.task_root}/")


def test_an_old_sdk_that_is_complete_does_for_the_transport_over_it(bed: Bed, newest: Interpreter) -> None:
    function = bed.function(newest, bed.opt("full", newest), brings=OLD_AIOBOTOCORE, environment=WITH_SDK)

    answer = function.invoke({**EVENT, "import": ["aiobotocore"]})

    assert_works(answer)
    assert answer.payload["files"] == {"aiobotocore": f"{bed.task_root}/aiobotocore/__init__.py"}


@pytest.mark.parametrize(
    ("brings", "name"),
    [(OLD_BOTO3, "botocore"), (OLD_AIOBOTOCORE_ALONE, "aiobotocore")],
    ids=["botocore", "aiobotocore"],
)
def test_a_part_of_an_old_sdk_in_place_of_the_full_layers_is_named(
    bed: Bed, newest: Interpreter, brings: tuple[str, ...], name: str
) -> None:
    opt = bed.opt("full", newest)
    function = bed.function(newest, opt, brings=brings, environment=WITH_SDK)

    answer = function.invoke(EVENT)

    assert_says(
        answer,
        error_type="ConfigurationError",
        shadows=bed.task_root / name,
        shadowed=opt / "python" / name,
    )


@pytest.mark.parametrize("brings", [OLD_PYDANTIC, OLD_PYDANTIC_SETTINGS], ids=lambda pins: pins[0])
def test_settings_are_read_beside_an_old_pydantic_where_it_would_be_used(
    bed: Bed, newest: Interpreter, brings: tuple[str, ...]
) -> None:
    function = bed.function(
        newest,
        bed.opt("full", newest),
        brings=brings,
        environment={**WITH_SDK, "DISCOVERY_NAMESPACE": "other"},
    )
    bed.aws.seed_instance("other", "users", "1", {"endpoint": URL, "stage": "Production"})

    answer = function.invoke(EVENT)

    assert_works(answer)
    (request,) = bed.aws.requests(DISCOVER)
    assert request.parameters["NamespaceName"] == "other"
