"""What is installed for the tests is exactly what was asked for, by its pin."""

from __future__ import annotations

import importlib.metadata

import pytest

from tests.runtime.tools import emulated_interpreters, packages


def test_a_folder_of_packages_holds_the_versions_asked_for_and_nothing_else() -> None:
    folder = packages(("six", "tenacity==8.0.1"), "neighbours", emulated_interpreters()[0])

    held = {(found.name, found.version) for found in importlib.metadata.distributions(path=[str(folder)])}
    assert held == {("six", "1.17.0"), ("tenacity", "8.0.1")}


@pytest.mark.parametrize("pin", ["tenacity", "tenacity==8.0", "nobody-has-this"])
def test_a_package_without_one_pin_of_its_own_is_refused(pin: str) -> None:
    with pytest.raises(ValueError, match="it should be once"):
        packages((pin,), "neighbours", emulated_interpreters()[0])
