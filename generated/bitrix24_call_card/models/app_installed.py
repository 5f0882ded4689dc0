# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .._model import Model, copied
from .._reading import (
    as_text,
    members_of,
)
from ..types import UNSET, Unset


@_attrs_define(getstate_setstate=False)
class AppInstalled(Model):
    """What is installed."""

    version: str | Unset = UNSET
    """The version of the application."""

    active: str | Unset = UNSET
    """Whether the portal has paid for it, `Y` or `N`."""

    installed: str | Unset = UNSET
    """Whether it is installed completely, `Y` or `N`."""

    language_id: str | Unset = UNSET
    """The portal's language."""

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        if not isinstance(self.version, Unset):
            field_dict["VERSION"] = self.version
        if not isinstance(self.active, Unset):
            field_dict["ACTIVE"] = self.active
        if not isinstance(self.installed, Unset):
            field_dict["INSTALLED"] = self.installed
        if not isinstance(self.language_id, Unset):
            field_dict["LANGUAGE_ID"] = self.language_id
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "AppInstalled")
        app_installed = cls(
            version=as_text(members.pop("VERSION", UNSET), "VERSION"),
            active=as_text(members.pop("ACTIVE", UNSET), "ACTIVE"),
            installed=as_text(members.pop("INSTALLED", UNSET), "INSTALLED"),
            language_id=as_text(members.pop("LANGUAGE_ID", UNSET), "LANGUAGE_ID"),
            additional_properties=members,
        )
        return app_installed

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
