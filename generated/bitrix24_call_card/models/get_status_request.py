# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import models
from .._reading import (
    as_const,
    as_list,
    as_model,
    members,
    one_of,
    optional,
)
from ..types import UNSET, Unset


@_attrs_define
class GetStatusRequest:
    """The command. Members that are not listed here are ignored by the portal, with one exception:
    `auth` is the access token, for callers that do not put it into the query.
    """

    placement: Literal["getStatus"] = "getStatus"
    """The command to the call card."""

    params: models.NoParameters | list[Any] | Unset = UNSET
    """The parameters of the command: there are none, and it may be left out."""

    additional_properties: dict[str, Any] = _attrs_field(
        init=False, factory=dict[str, Any], eq=False
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["PLACEMENT"] = self.placement
        if not isinstance(self.params, Unset):
            field_dict["PARAMS"] = (
                self.params if isinstance(self.params, list) else self.params.to_dict()
            )
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        d = members(src_dict, "GetStatusRequest")
        get_status_request = cls(
            placement=as_const(d.pop("PLACEMENT", UNSET), "PLACEMENT", "getStatus"),
            params=optional(
                d.pop("PARAMS", UNSET),
                "PARAMS",
                lambda value, name: one_of(
                    value,
                    name,
                    lambda value, name: as_model(value, name, models.NoParameters.from_dict),
                    lambda value, name: as_list(value, name, lambda value, name: value),
                ),
            ),
        )
        get_status_request.additional_properties = d
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
