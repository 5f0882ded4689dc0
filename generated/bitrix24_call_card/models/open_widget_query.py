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
from ..types import UNSET


@_attrs_define(getstate_setstate=False)
class OpenWidgetQuery(Model):
    """The query with which a portal opens a widget."""

    domain: str
    """The portal's host, with the port if it is not the default one."""

    protocol: str
    """1 for https, 0 for http."""

    lang: str
    """The language of the user's interface."""

    app_sid: str = _attrs_field(repr=False)
    """A secret by which page and widget know each other. New at each opening."""

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["DOMAIN"] = self.domain
        field_dict["PROTOCOL"] = self.protocol
        field_dict["LANG"] = self.lang
        field_dict["APP_SID"] = self.app_sid
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "OpenWidgetQuery")
        open_widget_query = cls(
            domain=required(members.pop("DOMAIN", UNSET), "DOMAIN", as_text),
            protocol=as_text(members.pop("PROTOCOL", UNSET), "PROTOCOL") or "",
            lang=as_text(members.pop("LANG", UNSET), "LANG") or "",
            app_sid=as_secret(members.pop("APP_SID", UNSET), "APP_SID") or "",
            additional_properties=members,
        )
        return open_widget_query

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
