# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .._reading import (
    as_datetime,
    as_float,
    as_int,
    members,
    optional,
)
from ..types import UNSET, Unset


@_attrs_define
class Time:
    """When the portal worked on the request, and for how long."""

    start: float
    """When the request came in, in Unix seconds. Always there."""

    finish: float
    """When the answer was ready, in Unix seconds. Always there."""

    duration: float
    """From `start` to `finish`, in seconds. Always there."""

    processing: float
    """The part of `duration` that the method itself took, in seconds. Always there."""

    date_start: datetime.datetime
    """`start` as a date with the portal's offset. Always there."""

    date_finish: datetime.datetime
    """`finish` as a date with the portal's offset. Always there."""

    operating: float | Unset = UNSET
    """What this method has used in the last ten minutes, in seconds. Cloud portals only; may be
    absent.
    """

    operating_reset_at: int | Unset = UNSET
    """When a part of `operating` is given back, in Unix seconds. Cloud portals only; may be
    absent.
    """

    additional_properties: dict[str, Any] = _attrs_field(
        init=False, factory=dict[str, Any], eq=False
    )
    """Members that the contract does not list. They are ignored when two models are compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that json.dumps accepts."""
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict["start"] = self.start
        field_dict["finish"] = self.finish
        field_dict["duration"] = self.duration
        field_dict["processing"] = self.processing
        field_dict["date_start"] = self.date_start.isoformat()
        field_dict["date_finish"] = self.date_finish.isoformat()
        if not isinstance(self.operating, Unset):
            field_dict["operating"] = self.operating
        if not isinstance(self.operating_reset_at, Unset):
            field_dict["operating_reset_at"] = self.operating_reset_at
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the model from what json.loads returns.

        Raises:
            InvalidResponse: A member is missing, or cannot be read as its type.
        """
        d = members(src_dict, "Time")
        time = cls(
            start=as_float(d.pop("start", UNSET), "start"),
            finish=as_float(d.pop("finish", UNSET), "finish"),
            duration=as_float(d.pop("duration", UNSET), "duration"),
            processing=as_float(d.pop("processing", UNSET), "processing"),
            date_start=as_datetime(d.pop("date_start", UNSET), "date_start"),
            date_finish=as_datetime(d.pop("date_finish", UNSET), "date_finish"),
            operating=optional(d.pop("operating", UNSET), "operating", as_float),
            operating_reset_at=optional(
                d.pop("operating_reset_at", UNSET), "operating_reset_at", as_int
            ),
        )
        time.additional_properties = d
        return time

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
