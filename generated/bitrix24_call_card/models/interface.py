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
    as_list,
    if_readable,
    members_of,
)
from ..types import UNSET


@_attrs_define(getstate_setstate=False)
class Interface(Model):
    """The commands and events of the call card."""

    command: list[models.Command | str]
    """The commands, for `BX24.placement.call`."""

    event: list[models.Event | str]
    """The events, for `BX24.placement.bindEvent`."""

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["command"] = [str(each) for each in self.command]
        field_dict["event"] = [str(each) for each in self.event]
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "Interface")
        interface = cls(
            command=if_readable(as_list(as_enum(models.Command)))(
                members.pop("command", UNSET), "command"
            )
            or [],
            event=if_readable(as_list(as_enum(models.Event)))(members.pop("event", UNSET), "event")
            or [],
            additional_properties=members,
        )
        return interface

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
