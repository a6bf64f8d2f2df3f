"""Answers about staff users and their sign-in; they never contain a hash or a secret."""

from pydantic import Field

from api.schemas.base import Answer, TimeOut


def _is_missing(value: str | None) -> bool:
    return value is None


class StaffOut(Answer):
    id: int
    username: str
    email: str | None
    full_name: str
    first_name: str
    last_name: str
    role: str
    is_active: bool
    created_at: TimeOut
    updated_at: TimeOut


class SignedInStaffOut(Answer):
    id: int
    username: str
    email: str | None
    first_name: str
    last_name: str
    role: str


class StaffMeOut(Answer):
    staff: SignedInStaffOut


class StaffLoginOut(Answer):
    success: bool = True
    staff: SignedInStaffOut
    token: str


class SuccessOut(Answer):
    success: bool = True


class StaffEmailOut(Answer):
    success: bool = True
    email: str
    waits_for_link: bool
    """True until the link sent to the new address is opened."""


class StaffMessageOut(Answer):
    message: str


class StaffMailOut(Answer):
    """`debug_token` and `debug_username` are included only with DEBUG_TOKENS."""

    message: str
    email_sent: bool
    debug_token: str | None = Field(default=None, exclude_if=_is_missing)
    debug_username: str | None = Field(default=None, exclude_if=_is_missing)
