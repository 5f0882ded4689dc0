# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import models
from .._model import Model, copied
from .._reading import (
    as_model,
    if_readable,
    members_of,
    required,
)
from ..types import UNSET, Unset


@_attrs_define(getstate_setstate=False)
class GetStatusResponse(Model):
    """The envelope of a successful response."""

    result: models.CallStatus
    """A call, with the eleven fields that the page has; those without a date are documented since
    2024-09. Fields may be added at any time. Sets of values have grown over time and will grow
    again: a value that is not listed is valid. The member `CALL_ID` makes it a call
    (`x-identity`), even if it is empty: the opening form leaves out others that are listed as
    required.
    """

    time: models.Timing | Unset = UNSET
    """When the portal worked on the request, and for how long. Do not depend on it. Errors do not
    have it.
    """

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["result"] = self.result.to_dict()
        if not isinstance(self.time, Unset):
            field_dict["time"] = self.time.to_dict()
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        members = members_of(src_dict, "GetStatusResponse")
        get_status_response = cls(
            result=required(members.pop("result", UNSET), "result", as_model(models.CallStatus)),
            time=if_readable(as_model(models.Timing))(members.pop("time", UNSET), "time"),
            additional_properties=members,
        )
        return get_status_response

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
