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
    as_int,
    as_text,
    members_of,
)
from ..types import UNSET


@_attrs_define(getstate_setstate=False)
class EntityChanged(Model):
    """The payload of `CallCard::EntityChanged`: the card has loaded CRM data, because an item was
    bound or created, or because the call list went on.
    """

    phone_number: str
    """The client's number, or `unknown`, or `hidden`."""

    crm_entity_type: models.CrmEntityType | str
    """The type of the CRM item; an empty text, or `false`, if the call is not bound."""

    crm_entity_id: int
    """The id of the CRM item; 0, or `false`, if the call is not bound."""

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["PHONE_NUMBER"] = self.phone_number
        field_dict["CRM_ENTITY_TYPE"] = str(self.crm_entity_type)
        field_dict["CRM_ENTITY_ID"] = self.crm_entity_id
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "EntityChanged")
        entity_changed = cls(
            phone_number=as_text(members.pop("PHONE_NUMBER", UNSET), "PHONE_NUMBER") or "",
            crm_entity_type=as_enum(models.CrmEntityType)(
                members.pop("CRM_ENTITY_TYPE", UNSET), "CRM_ENTITY_TYPE"
            )
            or "",
            crm_entity_id=as_int(members.pop("CRM_ENTITY_ID", UNSET), "CRM_ENTITY_ID") or 0,
            additional_properties=members,
        )
        return entity_changed

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
