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
    members_of,
)
from ..types import UNSET, Unset


@_attrs_define(getstate_setstate=False)
class CrmBinding(Model):
    """A CRM item that a call is bound to: `ENTITY_TYPE` and `ENTITY_ID`; or, on a portal without
    the module crm, `OWNER_TYPE_ID` and `OWNER_ID`.
    """

    entity_type: models.CrmEntityType | str | Unset = UNSET
    """The type of the CRM item, also such as `DYNAMIC_1032` or `SMART_INVOICE`."""

    entity_id: int | Unset = UNSET
    """The id of the CRM item."""

    owner_type_id: int | Unset = UNSET
    """The number of the CRM item's type, such as 3 for a contact."""

    owner_id: int | Unset = UNSET
    """The id of the CRM item."""

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        if not isinstance(self.entity_type, Unset):
            field_dict["ENTITY_TYPE"] = str(self.entity_type)
        if not isinstance(self.entity_id, Unset):
            field_dict["ENTITY_ID"] = self.entity_id
        if not isinstance(self.owner_type_id, Unset):
            field_dict["OWNER_TYPE_ID"] = self.owner_type_id
        if not isinstance(self.owner_id, Unset):
            field_dict["OWNER_ID"] = self.owner_id
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "CrmBinding")
        crm_binding = cls(
            entity_type=as_enum(models.CrmEntityType)(
                members.pop("ENTITY_TYPE", UNSET), "ENTITY_TYPE"
            ),
            entity_id=as_int(members.pop("ENTITY_ID", UNSET), "ENTITY_ID"),
            owner_type_id=as_int(members.pop("OWNER_TYPE_ID", UNSET), "OWNER_TYPE_ID"),
            owner_id=as_int(members.pop("OWNER_ID", UNSET), "OWNER_ID"),
            additional_properties=members,
        )
        return crm_binding

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
