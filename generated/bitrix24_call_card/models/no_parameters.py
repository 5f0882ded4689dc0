# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define

from ..errors import InvalidResponse
from ..models import (
    members,
)


@_attrs_define
class NoParameters:
    """An empty object."""

    def to_dict(self) -> dict[str, Any]:
        """The model as json.dumps takes it."""
        field_dict: dict[str, Any] = {}
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads gives.

        Raises:
            InvalidResponse: If a member is missing or cannot be made into its type.
        """
        d = members(src_dict, "NoParameters")
        no_parameters = cls()
        if d:
            raise InvalidResponse("NoParameters: expected no more members")
        return no_parameters
