"""A small Bitrix24 portal for development and tests: `python -m bitrix24_sandbox --help`."""
