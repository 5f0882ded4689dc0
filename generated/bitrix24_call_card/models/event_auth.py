# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .._model import Model, copied
from .._reading import (
    as_secret,
    as_text,
    members_of,
    required,
)
from ..types import UNSET, Unset


@_attrs_define(getstate_setstate=False)
class EventAuth(Model):
    """The sender of an event. Compare `application_token` with the one of the installation."""

    application_token: str = _attrs_field(repr=False)
    """The same as `APPLICATION_TOKEN` in the form that opens a widget."""

    domain: str | Unset = UNSET
    """The portal's host."""

    member_id: str | Unset = UNSET
    """The portal's id. It stays the same if the portal is renamed."""

    access_token: str | Unset = _attrs_field(default=UNSET, repr=False)
    """An access token: in call events, of the user who registered the external call. Calls of the
    portal's own telephony have none.
    """

    refresh_token: str | Unset = _attrs_field(default=UNSET, repr=False)
    """The refresh token that belongs to it, when the application is installed. Call events have
    none.
    """

    client_endpoint: str | Unset = UNSET
    """The portal's REST address."""

    server_endpoint: str | Unset = UNSET
    """The REST address of the OAuth server. Compare it with the known ones: a token that is sent
    to another one is lost.
    """

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["application_token"] = self.application_token
        if not isinstance(self.domain, Unset):
            field_dict["domain"] = self.domain
        if not isinstance(self.member_id, Unset):
            field_dict["member_id"] = self.member_id
        if not isinstance(self.access_token, Unset):
            field_dict["access_token"] = self.access_token
        if not isinstance(self.refresh_token, Unset):
            field_dict["refresh_token"] = self.refresh_token
        if not isinstance(self.client_endpoint, Unset):
            field_dict["client_endpoint"] = self.client_endpoint
        if not isinstance(self.server_endpoint, Unset):
            field_dict["server_endpoint"] = self.server_endpoint
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "EventAuth")
        event_auth = cls(
            application_token=required(
                members.pop("application_token", UNSET), "application_token", as_secret
            ),
            domain=as_text(members.pop("domain", UNSET), "domain"),
            member_id=as_text(members.pop("member_id", UNSET), "member_id"),
            access_token=as_secret(members.pop("access_token", UNSET), "access_token"),
            refresh_token=as_secret(members.pop("refresh_token", UNSET), "refresh_token"),
            client_endpoint=as_text(members.pop("client_endpoint", UNSET), "client_endpoint"),
            server_endpoint=as_text(members.pop("server_endpoint", UNSET), "server_endpoint"),
            additional_properties=members,
        )
        return event_auth

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
