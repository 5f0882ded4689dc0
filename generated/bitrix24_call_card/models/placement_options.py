# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import models
from .._model import Model, copied
from .._reading import (
    as_list,
    as_model,
    as_text,
    if_readable,
    members_of,
)
from ..types import UNSET, Unset


@_attrs_define(getstate_setstate=False)
class PlacementOptions(Model):
    """The call with which a widget is opened. Every scalar is text: a value that is `false` or
    missing in the page may be the text `false` or `undefined`.
    """

    call_id: str
    """The call's id; may be empty at first."""

    crm_entity_type: str
    """The type of the call's primary CRM item; empty or `false` if the call is not bound."""

    crm_entity_id: str
    """The id of that CRM item; `0` or `false` if the call is not bound."""

    call_direction: str
    """Who called whom, as in `CallDirection`."""

    call_list_mode: str
    """Whether the operator works through a call list."""

    phone_number: str | Unset = UNSET
    """The client's number, or `hidden`. Absent or `undefined` if it is not known."""

    line_number: str | Unset = UNSET
    """The number, or the name, of the portal's line that the call uses. Since 2026-04."""

    line_name: str | Unset = UNSET
    """The name of that line, or its number if it has none (documented 2026-08). Since 2026-04."""

    crm_activity_id: str | Unset = UNSET
    """The id of the CRM activity that records the call. Empty or `undefined` if there is none."""

    crm_bindings: list[models.PlacementBinding] | Unset = UNSET
    """All CRM items that the call is bound to. Absent if there is none."""

    call_state: str | Unset = UNSET
    """The state of the call, as in `CallState`. Since 2026-04."""

    uri: str | Unset = UNSET
    """Path and query of the page in which the widget is opened. May be absent."""

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["CALL_ID"] = self.call_id
        field_dict["CRM_ENTITY_TYPE"] = self.crm_entity_type
        field_dict["CRM_ENTITY_ID"] = self.crm_entity_id
        field_dict["CALL_DIRECTION"] = self.call_direction
        field_dict["CALL_LIST_MODE"] = self.call_list_mode
        if not isinstance(self.phone_number, Unset):
            field_dict["PHONE_NUMBER"] = self.phone_number
        if not isinstance(self.line_number, Unset):
            field_dict["LINE_NUMBER"] = self.line_number
        if not isinstance(self.line_name, Unset):
            field_dict["LINE_NAME"] = self.line_name
        if not isinstance(self.crm_activity_id, Unset):
            field_dict["CRM_ACTIVITY_ID"] = self.crm_activity_id
        if not isinstance(self.crm_bindings, Unset):
            field_dict["CRM_BINDINGS"] = [each.to_dict() for each in self.crm_bindings]
        if not isinstance(self.call_state, Unset):
            field_dict["CALL_STATE"] = self.call_state
        if not isinstance(self.uri, Unset):
            field_dict["URI"] = self.uri
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "PlacementOptions")
        placement_options = cls(
            call_id=as_text(members.pop("CALL_ID", UNSET), "CALL_ID") or "",
            crm_entity_type=as_text(members.pop("CRM_ENTITY_TYPE", UNSET), "CRM_ENTITY_TYPE") or "",
            crm_entity_id=as_text(members.pop("CRM_ENTITY_ID", UNSET), "CRM_ENTITY_ID") or "",
            call_direction=as_text(members.pop("CALL_DIRECTION", UNSET), "CALL_DIRECTION") or "",
            call_list_mode=as_text(members.pop("CALL_LIST_MODE", UNSET), "CALL_LIST_MODE") or "",
            phone_number=as_text(members.pop("PHONE_NUMBER", UNSET), "PHONE_NUMBER"),
            line_number=as_text(members.pop("LINE_NUMBER", UNSET), "LINE_NUMBER"),
            line_name=as_text(members.pop("LINE_NAME", UNSET), "LINE_NAME"),
            crm_activity_id=as_text(members.pop("CRM_ACTIVITY_ID", UNSET), "CRM_ACTIVITY_ID"),
            crm_bindings=if_readable(as_list(if_readable(as_model(models.PlacementBinding))))(
                members.pop("CRM_BINDINGS", UNSET), "CRM_BINDINGS"
            ),
            call_state=as_text(members.pop("CALL_STATE", UNSET), "CALL_STATE"),
            uri=as_text(members.pop("URI", UNSET), "URI"),
            additional_properties=members,
        )
        return placement_options

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
