"""The base of the models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .types import UNSET


class Model:
    """Pickles a model in a way that other versions of this package can read."""

    __slots__ = ()

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _fields_of(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name in _fields_of(self):  # what the other version did not have is UNSET
            setattr(self, name, state.get(name, UNSET))


def _fields_of(model: Any) -> list[str]:
    return [field.name for field in model.__attrs_attrs__]


def copied(members: Mapping[str, Any]) -> dict[str, Any]:
    """Copy the members that the contract does not list, so that no two models share them."""
    return dict(members)
