"""`testing.Sandbox` under the earlier names that the benchmark still uses."""

from pathlib import Path
from typing import Any

from . import testing


class Sandbox(testing.Sandbox):
    """`testing.Sandbox` with two earlier names."""

    @property
    def authority(self) -> Path | None:
        """The same as `tls`."""
        return self.tls

    def set_call(self, call: Any) -> None:
        """Assign `call`."""
        self.call = call
