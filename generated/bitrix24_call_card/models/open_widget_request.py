# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .._model import Model, copied
from .._reading import (
    as_const,
    as_secret,
    as_text,
    members_of,
    required,
)
from ..types import UNSET, Unset


@_attrs_define(getstate_setstate=False)
class OpenWidgetRequest(Model):
    """The form by which a portal opens a widget in the call card."""

    auth_id: str = _attrs_field(repr=False)
    """The access token of the user who looks at the call card."""

    auth_expires: str
    """How long the access token is valid, in seconds."""

    refresh_id: str = _attrs_field(repr=False)
    """The refresh token that belongs to it."""

    member_id: str
    """The portal's id. It stays the same if the portal is renamed."""

    status: str
    """The application's status on the portal."""

    placement_options: str
    """The call, as JSON. `CallStatus` reads it as well."""

    placement: Literal["CALL_CARD"] = "CALL_CARD"
    """Where the widget is opened."""

    server_endpoint: str | Unset = UNSET
    """The REST address of the OAuth server. Older portals do not send it."""

    application_token: str | Unset = _attrs_field(default=UNSET, repr=False)
    """A secret by which the application knows the portal that installed it. It is fixed for an
    installation: store it then, and compare it. Older portals do not send it.
    """

    application_scope: str | Unset = UNSET
    """What the application may use, separated by commas. Older portals do not send it."""

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["AUTH_ID"] = self.auth_id
        field_dict["AUTH_EXPIRES"] = self.auth_expires
        field_dict["REFRESH_ID"] = self.refresh_id
        field_dict["member_id"] = self.member_id
        field_dict["status"] = self.status
        field_dict["PLACEMENT"] = self.placement
        field_dict["PLACEMENT_OPTIONS"] = self.placement_options
        if not isinstance(self.server_endpoint, Unset):
            field_dict["SERVER_ENDPOINT"] = self.server_endpoint
        if not isinstance(self.application_token, Unset):
            field_dict["APPLICATION_TOKEN"] = self.application_token
        if not isinstance(self.application_scope, Unset):
            field_dict["APPLICATION_SCOPE"] = self.application_scope
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "OpenWidgetRequest")
        open_widget_request = cls(
            auth_id=required(members.pop("AUTH_ID", UNSET), "AUTH_ID", as_secret),
            auth_expires=as_text(members.pop("AUTH_EXPIRES", UNSET), "AUTH_EXPIRES") or "",
            refresh_id=as_secret(members.pop("REFRESH_ID", UNSET), "REFRESH_ID") or "",
            member_id=required(members.pop("member_id", UNSET), "member_id", as_text),
            status=as_text(members.pop("status", UNSET), "status") or "",
            placement=required(members.pop("PLACEMENT", UNSET), "PLACEMENT", as_const("CALL_CARD")),
            placement_options=as_text(members.pop("PLACEMENT_OPTIONS", UNSET), "PLACEMENT_OPTIONS")
            or "",
            server_endpoint=as_text(members.pop("SERVER_ENDPOINT", UNSET), "SERVER_ENDPOINT"),
            application_token=as_secret(
                members.pop("APPLICATION_TOKEN", UNSET), "APPLICATION_TOKEN"
            ),
            application_scope=as_text(members.pop("APPLICATION_SCOPE", UNSET), "APPLICATION_SCOPE"),
            additional_properties=members,
        )
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
