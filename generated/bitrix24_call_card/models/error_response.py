# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import models
from .._model import Model, copied
from .._reading import (
    as_enum,
    as_text,
    members_of,
)
from ..types import UNSET, Unset


@_attrs_define(getstate_setstate=False)
class ErrorResponse(Model):
    """The envelope of every error. Some errors carry more members. The member `error` makes it one
    (`x-identity`), even if it is empty.
    """

    error: models.ErrorCode | str
    """What went wrong, for programs. A code that is not listed is valid, and so is an empty one,
    as in all errors of `telephony.externalCall.*`: then only `error_description` says what went
    wrong. In a `200` with a `result`, an empty one is no error.
    """

    error_description: str | Unset = UNSET
    """What went wrong, for people; the words may change."""

    argument: str | Unset = UNSET
    """The argument that is missing or wrong. With `ERROR_ARGUMENT` only."""

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
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
        members = members_of(src_dict, "ErrorResponse", identity="error")
        error_response = cls(
            error=as_enum(models.ErrorCode)(members.pop("error", UNSET), "error") or "",
            error_description=as_text(members.pop("error_description", UNSET), "error_description"),
            argument=as_text(members.pop("argument", UNSET), "argument"),
            additional_properties=members,
        )
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
