# Copied from scripts/generator/project/bitrix24_call_card/_version.py by `make generate`: do not edit.
"""The version of the package, which is the contract's."""

__version__ = "0.4.0"  # replaced by the contract's info.version
