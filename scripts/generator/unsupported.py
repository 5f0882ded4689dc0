"""Why the templates do not take a contract."""

import re


def unsupported(output: str) -> str | None:
    """Return what of the contract the templates do not support, from the generator's output.

    A template stops the generator by including a file that does not exist, named after the reason.
    """
    found = re.search(r"TemplateNotFound: unsupported: (.+)", output)
    return f"the templates do not support this part of the contract: {found[1]}" if found else None
