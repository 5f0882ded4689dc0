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
    as_secret,
    if_readable,
    members_of,
    required,
)
from ..types import UNSET, Unset


@_attrs_define(getstate_setstate=False)
class GetStatusRequest(Model):
    """The command. Members that are not listed here are ignored by the portal."""

    placement: Literal["getStatus"] = "getStatus"
    """The command to the call card."""

    params: models.NoParameters | Unset = UNSET
    """The parameters of the command: there are none, and it may be left out."""

    auth: str | Unset = _attrs_field(default=UNSET, repr=False)
    """The access token, with OAuth. It takes precedence over `auth` in the query."""

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["PLACEMENT"] = self.placement
        if not isinstance(self.params, Unset):
            field_dict["PARAMS"] = self.params.to_dict()
        if not isinstance(self.auth, Unset):
            field_dict["auth"] = self.auth
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "GetStatusRequest")
        get_status_request = cls(
            placement=required(members.pop("PLACEMENT", UNSET), "PLACEMENT", as_const("getStatus")),
            params=if_readable(as_model(models.NoParameters))(
                members.pop("PARAMS", UNSET), "PARAMS"
            ),
            auth=as_secret(members.pop("auth", UNSET), "auth"),
            additional_properties=members,
        )
        return get_status_request

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
