from __future__ import annotations

import importlib
import pkgutil
from dataclasses import FrozenInstanceError, fields, is_dataclass

import pytest

import counterpoise.domain
from tests.build import make_order

VALUES = sorted(
    {
        value
        for module in pkgutil.iter_modules(counterpoise.domain.__path__)
        for value in vars(importlib.import_module(f"counterpoise.domain.{module.name}")).values()
        if isinstance(value, type) and is_dataclass(value)
    },
    key=lambda value: value.__qualname__,
)


@pytest.mark.parametrize("value", VALUES)
def test_a_value_cannot_change_or_grow_and_names_every_field(value: type) -> None:
    parameters = value.__dataclass_params__  # type: ignore[attr-defined]  # typed as a plain type
    assert parameters.frozen
    assert "__dict__" not in dir(value)
    assert all(field.kw_only for field in fields(value))


def test_the_scan_finds_the_values() -> None:
    assert len(VALUES) > 40
    with pytest.raises(FrozenInstanceError):
        make_order().qty = make_order().qty  # type: ignore[misc]  # the refusal is what is tested
