# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import models
from .._model import Model, copied
from .._reading import (
    as_const,
    as_model,
    as_text,
    members_of,
    required,
)
from ..types import UNSET


@_attrs_define(getstate_setstate=False)
class CallStartedEvent(Model):
    """The event that a call starts."""

    data: models.CallStarted
    """The call that starts, and its operator."""

    ts: str
    """When the portal sent the event, in Unix seconds."""

    auth: models.EventAuth
    """The sender of an event. Compare `application_token` with the one of the installation."""

    event: Literal["ONVOXIMPLANTCALLSTART"] = "ONVOXIMPLANTCALLSTART"
    """The event's name."""

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["event"] = self.event
        field_dict["data"] = self.data.to_dict()
        field_dict["ts"] = self.ts
        field_dict["auth"] = self.auth.to_dict()
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "CallStartedEvent")
        call_started_event = cls(
            event=required(members.pop("event", UNSET), "event", as_const("ONVOXIMPLANTCALLSTART")),
            data=required(members.pop("data", UNSET), "data", as_model(models.CallStarted)),
            ts=as_text(members.pop("ts", UNSET), "ts") or "",
            auth=required(members.pop("auth", UNSET), "auth", as_model(models.EventAuth)),
            additional_properties=members,
        )
        return call_started_event

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
