"""The users of the portal: an administrator, and an operator without an administrator's rights."""

from typing import Literal, NamedTuple

from .authentication import USER_ID

Role = Literal["administrator", "operator"]


class User(NamedTuple):
    """An active user."""

    id: str
    name: str
    last_name: str
    gender: str
    email: str
    inner_number: str
    """The extension."""
    is_admin: bool


USERS: dict[Role, User] = {
    "administrator": User(
        USER_ID, "Anna", "Okafor", "F", "anna.okafor@example.com", "101", is_admin=True
    ),
    "operator": User("2", "Jonas", "Meyer", "M", "jonas.meyer@example.com", "102", is_admin=False),
}


def by_id(user_id: str) -> User | None:
    """Find a user."""
    return next((user for user in USERS.values() if user.id == user_id), None)


def by_inner_number(number: str) -> User | None:
    """Find the user who has this extension."""
    return next((user for user in USERS.values() if user.inner_number == number), None)
