# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import models
from .._reading import (
    as_enum,
    as_text,
    members_of,
    required,
)
from ..types import UNSET, Unset


@_attrs_define
class ErrorResponse:
    """The envelope of every error. Some errors carry more members."""

    error: models.ErrorCode | str
    """What went wrong, for programs. Always there. A code that is not listed is valid."""

    error_description: str | Unset = UNSET
    """What went wrong, for people; the words may change. May be absent."""

    argument: str | Unset = UNSET
    """The argument that is missing or wrong. With `ERROR_ARGUMENT` only."""

    additional_properties: dict[str, Any] = _attrs_field(
        init=False, factory=dict[str, Any], eq=False
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["error"] = str(self.error)
        if not isinstance(self.error_description, Unset):
            field_dict["error_description"] = self.error_description
        if not isinstance(self.argument, Unset):
            field_dict["argument"] = self.argument
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "ErrorResponse")
        error_response = cls(
            error=required(members.pop("error", UNSET), "error", as_enum(models.ErrorCode)),
            error_description=as_text(members.pop("error_description", UNSET), "error_description"),
            argument=as_text(members.pop("argument", UNSET), "argument"),
        )
        error_response.additional_properties = members
        return error_response

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
