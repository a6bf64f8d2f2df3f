"""Answers about customers' accounts; they never contain a hash, and secrets only with DEBUG_TOKENS."""

from pydantic import Field

from api.schemas.base import Answer


def _is_missing(value: str | None) -> bool:
    return value is None


class AccountOut(Answer):
    id: int
    username: str
    email: str | None
    first_name: str
    last_name: str
    company_name: str
    phone: str | None
    shipping_address: str
    billing_address: str
    email_verified: bool
    phone_verified: bool


class OwnAccountOut(Answer):
    user: AccountOut


class CustomerLoginOut(Answer):
    message: str
    user: AccountOut


class AccountMessageOut(Answer):
    message: str


class RegisteredOut(Answer):
    """`debug_token` and `debug_code` are included only with DEBUG_TOKENS."""

    message: str
    email_verification_required: bool
    phone_verification_required: bool
    user: AccountOut
    debug_token: str | None = Field(default=None, exclude_if=_is_missing)
    debug_code: str | None = Field(default=None, exclude_if=_is_missing)


class CheckoutAccountOut(RegisteredOut):
    success: bool = True


class AccountMailOut(Answer):
    """`debug_token` is included only with DEBUG_TOKENS."""

    message: str
    email_sent: bool
    debug_token: str | None = Field(default=None, exclude_if=_is_missing)


class PhoneCodeOut(Answer):
    """`debug_code` is included only with DEBUG_TOKENS."""

    success: bool = True
    message: str
    expires_in: int
    debug_code: str | None = Field(default=None, exclude_if=_is_missing)


class PhoneSessionOut(Answer):
    success: bool = True
    phone_session_token: str
    expires_in: int


class UsernameOut(Answer):
    username: str
