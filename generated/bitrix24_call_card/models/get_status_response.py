# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import models
from .._reading import (
    as_model,
    members,
)
from ..types import UNSET


@_attrs_define
class GetStatusResponse:
    """The envelope of a successful answer."""

    result: models.CallStatus
    """A call, as the portal tells it. Fields may be added at any time. Sets of values have grown
    over time and will grow again: a value that is not listed is valid.
    """

    time: models.Time
    """When the portal worked on the request, and for how long."""

    additional_properties: dict[str, Any] = _attrs_field(
        init=False, factory=dict[str, Any], eq=False
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["result"] = self.result.to_dict()
        field_dict["time"] = self.time.to_dict()
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        d = members(src_dict, "GetStatusResponse")
        get_status_response = cls(
            result=as_model(d.pop("result", UNSET), "result", models.CallStatus.from_dict),
            time=as_model(d.pop("time", UNSET), "time", models.Time.from_dict),
        )
        get_status_response.additional_properties = d
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
