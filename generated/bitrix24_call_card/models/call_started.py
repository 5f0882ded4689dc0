# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .._model import Model, copied
from .._reading import (
    as_text,
    members_of,
)
from ..types import UNSET


@_attrs_define(getstate_setstate=False)
class CallStarted(Model):
    """The call that starts, and its operator."""

    call_id: str
    """The call's id, as in `CallStatus`."""

    user_id: str
    """The id of the user whose call it is."""

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["CALL_ID"] = self.call_id
        field_dict["USER_ID"] = self.user_id
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "CallStarted", identity="CALL_ID")
        call_started = cls(
            call_id=as_text(members.pop("CALL_ID", UNSET), "CALL_ID") or "",
            user_id=as_text(members.pop("USER_ID", UNSET), "USER_ID") or "",
            additional_properties=members,
        )
        return call_started

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
