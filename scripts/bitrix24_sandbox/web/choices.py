"""The options in the settings of the portal page."""

from typing import Any

from ..portal.errors import CALL_ERRORS, OAUTH_ERRORS
from ..portal.faults import FAULTS
from ..portal.scenarios import SCENARIOS
from ..portal.situation import FORMS, PROFILES


def choices() -> dict[str, Any]:
    """Return the names of scenarios, profiles and forms, and those of faults by kind."""
    return {
        "scenario": list(SCENARIOS),
        "profile": list(PROFILES),
        "form": list(FORMS),
        "fault": {
            "Errors of a REST call": list(CALL_ERRORS),
            "Broken responses": [name for name in FAULTS if name not in CALL_ERRORS],
            "Errors of a refresh": list(OAUTH_ERRORS),
        },
    }
