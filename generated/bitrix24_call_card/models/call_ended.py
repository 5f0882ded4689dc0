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
from ..types import UNSET, Unset


@_attrs_define(getstate_setstate=False)
class CallEnded(Model):
    """The call that ended, and its operator."""

    call_id: str
    """The call's id, as in `CallStatus`."""

    portal_user_id: str
    """The id of the user whose card is closed, which may be another one than in `callStarted`."""

    call_duration: str | Unset = UNSET
    """How long the call took, in seconds."""

    crm_activity_id: str | Unset = UNSET
    """The id of the CRM activity that records the call."""

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["CALL_ID"] = self.call_id
        field_dict["PORTAL_USER_ID"] = self.portal_user_id
        if not isinstance(self.call_duration, Unset):
            field_dict["CALL_DURATION"] = self.call_duration
        if not isinstance(self.crm_activity_id, Unset):
            field_dict["CRM_ACTIVITY_ID"] = self.crm_activity_id
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "CallEnded", identity="CALL_ID")
        call_ended = cls(
            call_id=as_text(members.pop("CALL_ID", UNSET), "CALL_ID") or "",
            portal_user_id=as_text(members.pop("PORTAL_USER_ID", UNSET), "PORTAL_USER_ID") or "",
            call_duration=as_text(members.pop("CALL_DURATION", UNSET), "CALL_DURATION"),
            crm_activity_id=as_text(members.pop("CRM_ACTIVITY_ID", UNSET), "CRM_ACTIVITY_ID"),
            additional_properties=members,
        )
        return call_ended

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
