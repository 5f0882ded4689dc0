"""What commands of this repository share: errors of one line, and no proxies for this machine."""

import argparse
import os
import re
from typing import Never


class Parser(argparse.ArgumentParser):
    """A parser whose errors name what `make` was given: PORT, not --port."""

    def error(self, message: str) -> Never:
        """Print one line, without the usage, and exit."""
        typed = r"argument --(cases|minutes|port|profile|rate|seed):"
        named = re.sub(typed, lambda match: f"{match[1].upper()}:", message)
        self.exit(2, f"{self.prog}: {named}\n")


def ignore_proxies() -> None:
    """Forget the environment's proxies, in this process and those that it starts."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
