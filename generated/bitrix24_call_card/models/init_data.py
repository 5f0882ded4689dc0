# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import models
from .._reading import (
    as_bool,
    as_const,
    as_int,
    as_list,
    as_model,
    as_str,
    members,
    one_of,
)
from ..types import UNSET


@_attrs_define
class InitData:
    """What a widget is told first, after `getInitData`."""

    lang: str
    """The language of the user's interface."""

    domain: str
    """The portal's host, with the port if it is not the default one."""

    path: str
    """The path of the portal's REST interface."""

    protocol: int
    """1 for https, 0 for http."""

    auth_id: str = _attrs_field(repr=False)
    """Secret. The access token of the user who looks at the call card."""

    refresh_id: str = _attrs_field(repr=False)
    """Secret. The refresh token that belongs to it."""

    member_id: str
    """The portal's id. It stays the same if the portal is renamed."""

    auth_expires: str
    """How long the access token is valid, in seconds."""

    first_run: bool
    """Whether the application has yet to be installed."""

    is_admin: bool
    """Whether the user administers the portal."""

    install: bool
    """Whether the widget was opened to install the application."""

    user_options: models.Options | list[Any]
    """What the application has stored for the user."""

    app_options: models.Options | list[Any]
    """What the application has stored for all users."""

    placement_options: models.PlacementOptions
    """The call with which a widget is opened. Every scalar is a string, and what is not there may
    be the string `undefined`.
    """

    placement: Literal["CALL_CARD"] = "CALL_CARD"
    """Where the widget is."""

    additional_properties: dict[str, Any] = _attrs_field(
        init=False, factory=dict[str, Any], eq=False
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
        field_dict["USER_OPTIONS"] = (
            self.user_options
            if isinstance(self.user_options, list)
            else self.user_options.to_dict()
        )
        field_dict["APP_OPTIONS"] = (
            self.app_options if isinstance(self.app_options, list) else self.app_options.to_dict()
        )
        field_dict["PLACEMENT_OPTIONS"] = self.placement_options.to_dict()
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        d = members(src_dict, "InitData")
        init_data = cls(
            lang=as_str(d.pop("LANG", UNSET), "LANG"),
            domain=as_str(d.pop("DOMAIN", UNSET), "DOMAIN"),
            path=as_str(d.pop("PATH", UNSET), "PATH"),
            placement=as_const(d.pop("PLACEMENT", UNSET), "PLACEMENT", "CALL_CARD"),
            protocol=as_int(d.pop("PROTOCOL", UNSET), "PROTOCOL"),
            auth_id=as_str(d.pop("AUTH_ID", UNSET), "AUTH_ID"),
            refresh_id=as_str(d.pop("REFRESH_ID", UNSET), "REFRESH_ID"),
            member_id=as_str(d.pop("MEMBER_ID", UNSET), "MEMBER_ID"),
            auth_expires=as_str(d.pop("AUTH_EXPIRES", UNSET), "AUTH_EXPIRES"),
            first_run=as_bool(d.pop("FIRST_RUN", UNSET), "FIRST_RUN"),
            is_admin=as_bool(d.pop("IS_ADMIN", UNSET), "IS_ADMIN"),
            install=as_bool(d.pop("INSTALL", UNSET), "INSTALL"),
            user_options=one_of(
                d.pop("USER_OPTIONS", UNSET),
                "USER_OPTIONS",
                lambda value, name: as_model(value, name, models.Options.from_dict),
                lambda value, name: as_list(value, name, lambda value, name: value),
            ),
            app_options=one_of(
                d.pop("APP_OPTIONS", UNSET),
                "APP_OPTIONS",
                lambda value, name: as_model(value, name, models.Options.from_dict),
                lambda value, name: as_list(value, name, lambda value, name: value),
            ),
            placement_options=as_model(
                d.pop("PLACEMENT_OPTIONS", UNSET),
                "PLACEMENT_OPTIONS",
                models.PlacementOptions.from_dict,
            ),
        )
        init_data.additional_properties = d
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
