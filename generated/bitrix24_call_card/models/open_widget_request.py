# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .._reading import (
    as_const,
    as_str,
    members,
)
from ..types import UNSET


@_attrs_define
class OpenWidgetRequest:
    """The form by which a portal opens a widget in the call card."""

    auth_id: str = _attrs_field(repr=False)
    """Secret. The access token of the user who looks at the call card."""

    auth_expires: str
    """How long the access token is valid, in seconds."""

    refresh_id: str = _attrs_field(repr=False)
    """Secret. The refresh token that belongs to it."""

    server_endpoint: str
    """The REST address of the OAuth server."""

    application_token: str = _attrs_field(repr=False)
    """Secret. By which the application knows that the portal is the one that installed it."""

    application_scope: str
    """What the application may use, separated by commas."""

    member_id: str
    """The portal's id. It stays the same if the portal is renamed."""

    status: str
    """The application's status on the portal."""

    placement_options: str
    """The call, as JSON. `CallStatus` reads it as it reads the other tellings of a call."""

    placement: Literal["CALL_CARD"] = "CALL_CARD"
    """Where the widget is opened."""

    additional_properties: dict[str, Any] = _attrs_field(
        init=False, factory=dict[str, Any], eq=False
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["AUTH_ID"] = self.auth_id
        field_dict["AUTH_EXPIRES"] = self.auth_expires
        field_dict["REFRESH_ID"] = self.refresh_id
        field_dict["SERVER_ENDPOINT"] = self.server_endpoint
        field_dict["APPLICATION_TOKEN"] = self.application_token
        field_dict["APPLICATION_SCOPE"] = self.application_scope
        field_dict["member_id"] = self.member_id
        field_dict["status"] = self.status
        field_dict["PLACEMENT"] = self.placement
        field_dict["PLACEMENT_OPTIONS"] = self.placement_options
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        d = members(src_dict, "OpenWidgetRequest")
        open_widget_request = cls(
            auth_id=as_str(d.pop("AUTH_ID", UNSET), "AUTH_ID"),
            auth_expires=as_str(d.pop("AUTH_EXPIRES", UNSET), "AUTH_EXPIRES"),
            refresh_id=as_str(d.pop("REFRESH_ID", UNSET), "REFRESH_ID"),
            server_endpoint=as_str(d.pop("SERVER_ENDPOINT", UNSET), "SERVER_ENDPOINT"),
            application_token=as_str(d.pop("APPLICATION_TOKEN", UNSET), "APPLICATION_TOKEN"),
            application_scope=as_str(d.pop("APPLICATION_SCOPE", UNSET), "APPLICATION_SCOPE"),
            member_id=as_str(d.pop("member_id", UNSET), "member_id"),
            status=as_str(d.pop("status", UNSET), "status"),
            placement=as_const(d.pop("PLACEMENT", UNSET), "PLACEMENT", "CALL_CARD"),
            placement_options=as_str(d.pop("PLACEMENT_OPTIONS", UNSET), "PLACEMENT_OPTIONS"),
        )
        open_widget_request.additional_properties = d
        return open_widget_request

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
