"""The version of the package, which is the contract's."""

__version__ = "0"  # replaced by the contract's info.version
