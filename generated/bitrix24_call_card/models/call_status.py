# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import models
from .._model import Model, copied
from .._reading import (
    as_bool,
    as_enum,
    as_int,
    as_list,
    as_model,
    as_text,
    if_readable,
    members_of,
)
from ..types import UNSET, Unset


@_attrs_define(getstate_setstate=False)
class CallStatus(Model):
    """A call, with the eleven fields that the page has; those without a date are documented since
    2024-09. Fields may be added at any time. Sets of values have grown over time and will grow
    again: a value that is not listed is valid. The member `CALL_ID` makes it a call
    (`x-identity`), even if it is empty: the opening form leaves out others that are listed as
    required.
    """

    call_id: str
    """The call's id; empty at first in an outgoing call and in a call list. A call that is
    registered twice within 30 minutes keeps the first id, so two calls may share one.
    """

    crm_entity_type: models.CrmEntityType | str
    """The type of the call's primary CRM item; empty if the call is not bound, or `false` in an
    operator's outgoing call to a number that the CRM does not know.
    """

    crm_entity_id: int
    """The id of that CRM item; 0, or `false`, if the call is not bound."""

    crm_bindings: list[models.CrmBinding]
    """All CRM items that the call is bound to. Items in this shape since 2026-04."""

    call_direction: models.CallDirection | str
    """Who called whom."""

    call_list_mode: bool
    """Whether the operator works through a call list, so that the next client follows in this
    card.
    """

    phone_number: str | Unset = UNSET
    """The client's number, or `hidden` if there is none or the client hides it. Absent if unknown."""

    line_number: str | Unset = UNSET
    """The number, or the name, of the portal's line that the call uses. Since 2026-04."""

    line_name: str | Unset = UNSET
    """The name of that line; empty if it has none, or its number (documented 2026-08). Since
    2026-04.
    """

    crm_activity_id: int | Unset = UNSET
    """The id of the CRM activity that records the call. Absent or empty if there is none yet."""

    call_state: models.CallState | str | Unset = UNSET
    """The state of the call. An external call is `connected` from beginning to end. Since 2026-04."""

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["CALL_ID"] = self.call_id
        field_dict["CRM_ENTITY_TYPE"] = str(self.crm_entity_type)
        field_dict["CRM_ENTITY_ID"] = self.crm_entity_id
        field_dict["CRM_BINDINGS"] = [each.to_dict() for each in self.crm_bindings]
        field_dict["CALL_DIRECTION"] = str(self.call_direction)
        field_dict["CALL_LIST_MODE"] = self.call_list_mode
        if not isinstance(self.phone_number, Unset):
            field_dict["PHONE_NUMBER"] = self.phone_number
        if not isinstance(self.line_number, Unset):
            field_dict["LINE_NUMBER"] = self.line_number
        if not isinstance(self.line_name, Unset):
            field_dict["LINE_NAME"] = self.line_name
        if not isinstance(self.crm_activity_id, Unset):
            field_dict["CRM_ACTIVITY_ID"] = self.crm_activity_id
        if not isinstance(self.call_state, Unset):
            field_dict["CALL_STATE"] = str(self.call_state)
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "CallStatus", identity="CALL_ID")
        call_status = cls(
            call_id=as_text(members.pop("CALL_ID", UNSET), "CALL_ID") or "",
            crm_entity_type=as_enum(models.CrmEntityType)(
                members.pop("CRM_ENTITY_TYPE", UNSET), "CRM_ENTITY_TYPE"
            )
            or "",
            crm_entity_id=as_int(members.pop("CRM_ENTITY_ID", UNSET), "CRM_ENTITY_ID") or 0,
            crm_bindings=if_readable(as_list(if_readable(as_model(models.CrmBinding))))(
                members.pop("CRM_BINDINGS", UNSET), "CRM_BINDINGS"
            )
            or [],
            call_direction=as_enum(models.CallDirection)(
                members.pop("CALL_DIRECTION", UNSET), "CALL_DIRECTION"
            )
            or "",
            call_list_mode=as_bool(members.pop("CALL_LIST_MODE", UNSET), "CALL_LIST_MODE") or False,
            phone_number=as_text(members.pop("PHONE_NUMBER", UNSET), "PHONE_NUMBER"),
            line_number=as_text(members.pop("LINE_NUMBER", UNSET), "LINE_NUMBER"),
            line_name=as_text(members.pop("LINE_NAME", UNSET), "LINE_NAME"),
            crm_activity_id=as_int(members.pop("CRM_ACTIVITY_ID", UNSET), "CRM_ACTIVITY_ID"),
            call_state=as_enum(models.CallState)(members.pop("CALL_STATE", UNSET), "CALL_STATE"),
            additional_properties=members,
        )
        return call_status

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
