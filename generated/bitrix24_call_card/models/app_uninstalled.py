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
class AppUninstalled(Model):
    """How it is removed."""

    clean: str | Unset = UNSET
    """Whether the application's data are to be deleted as well, `1` or `0`."""

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
        if not isinstance(self.clean, Unset):
            field_dict["CLEAN"] = self.clean
        if not isinstance(self.language_id, Unset):
            field_dict["LANGUAGE_ID"] = self.language_id
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "AppUninstalled")
        app_uninstalled = cls(
            clean=as_text(members.pop("CLEAN", UNSET), "CLEAN"),
            language_id=as_text(members.pop("LANGUAGE_ID", UNSET), "LANGUAGE_ID"),
            additional_properties=members,
        )
        return app_uninstalled

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
