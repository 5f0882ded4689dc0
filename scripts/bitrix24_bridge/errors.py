"""The contract's errors, as the bridge answers them."""

STATUS = {
    "CARD_NOT_CONNECTED": 400,
    "ERROR_ARGUMENT": 400,
    "ERROR_CORE": 400,
    "ERROR_PLACEMENT_NOT_FOUND": 400,
    "INVALID_CREDENTIALS": 401,
    "NO_AUTH_FOUND": 401,
    "expired_token": 401,
    "invalid_token": 401,
    "ERROR_METHOD_NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "CONTENT_TOO_LARGE": 413,
    "ERROR_UNEXPECTED_ANSWER": 500,
    "INTERNAL_SERVER_ERROR": 500,
    "QUERY_LIMIT_EXCEEDED": 503,
}


class BridgeError(Exception):
    """A refusal, with a code of the contract and a sentence; neither holds a secret."""

    def __init__(self, code: str, description: str, **more: str) -> None:
        """`more`: members that only some codes have, such as `argument`."""
        super().__init__(description)
        self.code = code
        self.status = STATUS[code]
        self.envelope = {"error": code, "error_description": description, **more}


class StoreGoneError(BridgeError):
    """Redis cannot be reached; that may pass."""

    def __init__(self) -> None:
        super().__init__("INTERNAL_SERVER_ERROR", "The store cannot be reached. Retry later.")
