"""Earlier names of `testing.Sandbox`, for the tests that still use them."""

from pathlib import Path
from typing import Any

from . import testing


class Sandbox(testing.Sandbox):
    """`testing.Sandbox` under its earlier names."""

    @property
    def authority(self) -> Path | None:
        """The same as `tls`."""
        return self.tls

    def set_call(self, call: Any) -> dict[str, Any]:
        """Assign `call`, and return the state."""
        self.call = call
        return self.state()

    def end_call(self) -> dict[str, Any]:
        """Assign None to `call`, and return the state."""
        self.call = None
        return self.state()

    def set_profile(self, profile: str) -> dict[str, Any]:
        """Assign `profile`, and return the state."""
        self.profile = profile
        return self.state()

    def set_form(self, form: str) -> dict[str, Any]:
        """Open widgets by the `new` form, by the `old` one, or as a `static` application."""
        return self._ask("PUT", "form", {"form": form})

    def fault(self, name: str, times: int = 1, **members: Any) -> dict[str, Any]:
        """The same as `fail`."""
        return self.fail(name, times, **members)
