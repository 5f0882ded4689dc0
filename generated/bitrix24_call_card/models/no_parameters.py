# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define

from .._model import Model
from .._reading import (
    members_of,
)
from ..errors import InvalidResponse


@_attrs_define(getstate_setstate=False)
class NoParameters(Model):
    """An empty object."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "NoParameters")
        no_parameters = cls()
        if members:
            raise InvalidResponse("NoParameters: expected no more members")
        return no_parameters
