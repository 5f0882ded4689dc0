# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .._model import Model, copied
from .._reading import (
    as_datetime,
    as_float,
    as_int,
    members_of,
    required,
)
from ..types import UNSET, Unset


@_attrs_define(getstate_setstate=False)
class Timing(Model):
    """When the portal worked on the request, and for how long. Do not depend on it. Errors do not
    have it.
    """

    start: float
    """When the request came in, in Unix seconds; whole ones since 2025-10."""

    finish: float
    """When the response was ready, in Unix seconds."""

    duration: float
    """From `start` to `finish`, in seconds."""

    processing: float
    """The part of `duration` that the method itself took, in seconds; whole ones since 2025-10."""

    date_start: datetime.datetime
    """`start` as a date with the portal's offset."""

    date_finish: datetime.datetime
    """`finish` as a date with the portal's offset."""

    operating: float | Unset = UNSET
    """What this method has used in the last ten minutes, in seconds. Cloud portals only."""

    operating_reset_at: int | Unset = UNSET
    """When operating time is next restored, in Unix seconds. Cloud portals only."""

    additional_properties: dict[str, Any] = _attrs_field(
        factory=dict[str, Any], converter=copied, eq=False, kw_only=True
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
        members = members_of(src_dict, "Timing")
        timing = cls(
            start=required(members.pop("start", UNSET), "start", as_float),
            finish=required(members.pop("finish", UNSET), "finish", as_float),
            duration=required(members.pop("duration", UNSET), "duration", as_float),
            processing=required(members.pop("processing", UNSET), "processing", as_float),
            date_start=required(members.pop("date_start", UNSET), "date_start", as_datetime),
            date_finish=required(members.pop("date_finish", UNSET), "date_finish", as_datetime),
            operating=as_float(members.pop("operating", UNSET), "operating"),
            operating_reset_at=as_int(
                members.pop("operating_reset_at", UNSET), "operating_reset_at"
            ),
            additional_properties=members,
        )
        return timing

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
