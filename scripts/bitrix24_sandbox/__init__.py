"""A small Bitrix24 portal for development and tests: `bitrix24-sandbox --help`."""
