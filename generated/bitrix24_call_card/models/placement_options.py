# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import models
from .._reading import (
    Members,
    as_list,
    as_model,
    as_text,
)
from ..types import UNSET, Unset


@_attrs_define
class PlacementOptions:
    """The call with which a widget is opened. Every scalar is text: what the page holds as `false`
    or does not have may be the text `false` or `undefined`.
    """

    call_id: str
    """The call's id; may be empty at first. Always there."""

    crm_entity_type: str
    """The type of the CRM item that the call belongs to first; empty or `false` if the call is not
    bound. Always there.
    """

    crm_entity_id: str
    """The id of that CRM item; `0` or `false` if the call is not bound. Always there."""

    call_direction: str
    """Who called whom, as in `CallDirection`. Always there."""

    call_list_mode: str
    """Whether the operator works through a call list. Always there."""

    phone_number: str | Unset = UNSET
    """The client's number, or `hidden`. Absent or `undefined` if it is not known."""

    line_number: str | Unset = UNSET
    """The number, or the name, of the portal's line that the call uses. Absent before 2026-04."""

    line_name: str | Unset = UNSET
    """The name of that line; empty if it has none. Absent before 2026-04."""

    crm_activity_id: str | Unset = UNSET
    """The id of the CRM activity that records the call. Empty or `undefined` if there is none."""

    crm_bindings: list[models.PlacementBinding] | Unset = UNSET
    """All CRM items that the call is bound to. Absent if there is none."""

    call_state: str | Unset = UNSET
    """The state of the call, as in `CallState`. Absent before 2026-04."""

    uri: str | Unset = UNSET
    """Path and query of the page in which the widget is opened. May be absent."""

    additional_properties: dict[str, Any] = _attrs_field(
        init=False, factory=dict[str, Any], eq=False
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
        members = Members(src_dict, "PlacementOptions")
        placement_options = cls(
            call_id=members("CALL_ID", as_text) or "",
            crm_entity_type=members("CRM_ENTITY_TYPE", as_text) or "",
            crm_entity_id=members("CRM_ENTITY_ID", as_text) or "",
            call_direction=members("CALL_DIRECTION", as_text) or "",
            call_list_mode=members("CALL_LIST_MODE", as_text) or "",
            phone_number=members("PHONE_NUMBER", as_text),
            line_number=members("LINE_NUMBER", as_text),
            line_name=members("LINE_NAME", as_text),
            crm_activity_id=members("CRM_ACTIVITY_ID", as_text),
            crm_bindings=members("CRM_BINDINGS", as_list(as_model(models.PlacementBinding))),
            call_state=members("CALL_STATE", as_text),
            uri=members("URI", as_text),
        )
        placement_options.additional_properties = members.rest
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
