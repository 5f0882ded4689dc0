# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import models
from .._model import Model, copied
from .._reading import (
    as_bool,
    as_const,
    as_int,
    as_model,
    as_secret,
    as_text,
    members_of,
    required,
)
from ..types import UNSET


@_attrs_define(getstate_setstate=False)
class InitData(Model):
    """What a widget receives first, after `getInitData`."""

    lang: str
    """The language of the user's interface."""

    domain: str
    """The portal's host, with the port if it is not the default one."""

    path: str
    """The path of the portal's REST interface."""

    protocol: int
    """1 for https, 0 for http."""

    auth_id: str = _attrs_field(repr=False)
    """The access token of the user who looks at the call card."""

    refresh_id: str = _attrs_field(repr=False)
    """The refresh token that belongs to it."""

    member_id: str
    """The portal's id. It stays the same if the portal is renamed."""

    auth_expires: str
    """How long the access token is valid, in seconds."""

    first_run: bool
    """Whether this user opens the application for the first time."""

    is_admin: bool
    """Whether the user administers the portal or may install applications."""

    install: bool
    """Whether the widget was opened to install the application."""

    user_options: models.Options
    """What the application has stored for the user; PHP encodes an empty map as an array."""

    app_options: models.Options
    """What the application has stored for all users; PHP encodes an empty map as an array."""

    placement_options: models.PlacementOptions
    """The call with which a widget is opened. Every scalar is text: a value that is `false` or
    missing in the page may be the text `false` or `undefined`.
    """

    placement: Literal["CALL_CARD"] = "CALL_CARD"
    """Where the widget is."""

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["LANG"] = self.lang
        field_dict["DOMAIN"] = self.domain
        field_dict["PATH"] = self.path
        field_dict["PLACEMENT"] = self.placement
        field_dict["PROTOCOL"] = self.protocol
        field_dict["AUTH_ID"] = self.auth_id
        field_dict["REFRESH_ID"] = self.refresh_id
        field_dict["MEMBER_ID"] = self.member_id
        field_dict["AUTH_EXPIRES"] = self.auth_expires
        field_dict["FIRST_RUN"] = self.first_run
        field_dict["IS_ADMIN"] = self.is_admin
        field_dict["INSTALL"] = self.install
        field_dict["USER_OPTIONS"] = self.user_options.to_dict()
        field_dict["APP_OPTIONS"] = self.app_options.to_dict()
        field_dict["PLACEMENT_OPTIONS"] = self.placement_options.to_dict()
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "InitData")
        init_data = cls(
            lang=as_text(members.pop("LANG", UNSET), "LANG") or "",
            domain=as_text(members.pop("DOMAIN", UNSET), "DOMAIN") or "",
            path=as_text(members.pop("PATH", UNSET), "PATH") or "",
            placement=required(members.pop("PLACEMENT", UNSET), "PLACEMENT", as_const("CALL_CARD")),
            protocol=as_int(members.pop("PROTOCOL", UNSET), "PROTOCOL") or 0,
            auth_id=required(members.pop("AUTH_ID", UNSET), "AUTH_ID", as_secret),
            refresh_id=as_secret(members.pop("REFRESH_ID", UNSET), "REFRESH_ID") or "",
            member_id=as_text(members.pop("MEMBER_ID", UNSET), "MEMBER_ID") or "",
            auth_expires=as_text(members.pop("AUTH_EXPIRES", UNSET), "AUTH_EXPIRES") or "",
            first_run=as_bool(members.pop("FIRST_RUN", UNSET), "FIRST_RUN") or False,
            is_admin=as_bool(members.pop("IS_ADMIN", UNSET), "IS_ADMIN") or False,
            install=as_bool(members.pop("INSTALL", UNSET), "INSTALL") or False,
            user_options=as_model(models.Options)(
                members.pop("USER_OPTIONS", UNSET), "USER_OPTIONS"
            )
            or models.Options(),
            app_options=as_model(models.Options)(members.pop("APP_OPTIONS", UNSET), "APP_OPTIONS")
            or models.Options(),
            placement_options=required(
                members.pop("PLACEMENT_OPTIONS", UNSET),
                "PLACEMENT_OPTIONS",
                as_model(models.PlacementOptions),
            ),
            additional_properties=members,
        )
        return init_data

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
