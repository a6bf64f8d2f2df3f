"""Opens accounts: with an email or a phone, never with another account's, and without sign-in until one is verified."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.passwords import NewPasswordIn, hash_password
from domain.customers.accounts import Profile, as_owner, describe_account
from domain.customers.linking import find_claimable_order
from domain.customers.messages import send_verification_link
from domain.customers.phone_codes import text_code
from domain.customers.rows import EMPTIED
from domain.kernel.addresses import compose_address
from domain.kernel.audit import record_audit
from domain.kernel.codes import Code
from domain.kernel.emails import normalise_email
from domain.kernel.errors import Refused
from domain.kernel.inputs import (
    EmailIn,
    Filled60,
    Filled200,
    FilledCode200,
    Input,
    OptionalEmailIn,
    PhoneIn,
    StateIn,
    Text60,
    Text200,
    ZipIn,
)
from domain.kernel.phone import split_phone
from domain.kernel.texts import find_username_fault, normalise_username
from models import AuditAction, Customer

TAKEN = {"username": Code.USERNAME_TAKEN, "email": Code.EMAIL_TAKEN, "phone": Code.PHONE_TAKEN}


MOST_LETTERS = 200
UsernameIn = Annotated[FilledCode200, AfterValidator(normalise_username)]


class RegisterCustomer(Input):
    """The data of a new customer; an email or a phone is required."""

    username: UsernameIn
    email: OptionalEmailIn = None
    company_name: Text200 | None = None
    phone: PhoneIn | None = None
    business_type: Text200 | None = None
    business_ein: Text60 | None = None
    resale_certificate: Text200 | None = None
    state_of_operation: Text60 | None = None
    password: NewPasswordIn

    @classmethod
    def find_faults(cls, sent: Mapping[str, Any]) -> dict[str, str]:
        """Report an invalid username, and an account with neither email nor phone."""
        username, email = normalise_username(str(sent.get("username") or "")), sent.get("email")
        faults: dict[str, str] = {}
        if sentence := check_username(username, normalise_email(str(email).strip()) if email else None):
            faults["username"] = sentence
        if not email and not sent.get("phone"):
            faults |= {"email": "or a phone is required", "phone": "or an email is required"}
        return faults


class CreateAccountAtCheckout(Input):
    """The data of a guest who has just ordered; the email becomes the username."""

    email: EmailIn
    password: NewPasswordIn
    delivery_name: Filled200
    delivery_address: Filled200
    delivery_city: Filled60
    delivery_state: StateIn
    delivery_zip: ZipIn
    delivery_phone: PhoneIn | None = None
    delivery_company: Text200 | None = None
    order_number: Text60 | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """A new account that waits for verification. The debug values are None unless DEBUG_TOKENS is on."""

    message: str
    user: Profile
    email_verification_required: bool
    phone_verification_required: bool
    debug_token: str | None = None
    debug_code: str | None = None


@dataclass(frozen=True, slots=True)
class AccountRules:
    """The settings that accounts depend on. `shop_url` is the base URL of emailed links, without a trailing slash."""

    shop_url: str
    secret_key: str
    shows_secrets: bool


async def register_customer(db: AsyncSession, data: RegisterCustomer, *, rules: AccountRules) -> Registered:
    """Open an account and send what verifies it: a link to its email, or else a code to its phone.

    Raises InvalidInput naming every bad field, and Refused with `duplicate_field` and `hint` for a username, email or
    phone that another account has. The phone is locked while it is looked up, since existing data may contain it twice.
    """
    phone, phone_raw = split_phone(data.phone)
    customer = Customer(
        username=data.username,
        email=data.email,
        password_hash=await hash_password(data.password),
        company_name=data.company_name or "",
        phone=phone,
        phone_raw=phone_raw,
        business_type=data.business_type or "",
        business_ein=data.business_ein or "",
        resale_certificate=data.resale_certificate or "",
        state_of_operation=data.state_of_operation or "",
    )
    return await _open_account(db, customer, rules=rules)


async def create_account_at_checkout(
    db: AsyncSession, data: CreateAccountAtCheckout, *, rules: AccountRules
) -> Registered:
    """Open an account for a guest with the email as its username; the named order is linked once it is verified.

    Raises like `register_customer`. An order that does not match, or is not a guest's, is ignored silently.
    """
    phone, phone_raw = split_phone(data.delivery_phone)
    first_name, _, last_name = data.delivery_name.partition(" ")
    customer = Customer(
        username=data.email,
        email=data.email,
        password_hash=await hash_password(data.password),
        first_name=first_name,
        last_name=last_name.strip(),
        company_name=data.delivery_company or "",
        phone=phone,
        phone_raw=phone_raw,
        shipping_street=data.delivery_address,
        shipping_city=data.delivery_city,
        shipping_state=data.delivery_state,
        shipping_zip=data.delivery_zip,
    )
    if data.order_number:
        customer.claimed_order_id = await find_claimable_order(db, data.order_number, email=data.email, phone=phone)
    return await _open_account(db, customer, rules=rules, phone_field="delivery_phone")


def check_username(username: str, email: str | None) -> str | None:
    """Return what is wrong with a username, or None.

    It must be the account's own email, or letters, digits and a few marks: characters that look like others are
    normalised.
    """
    if username.lower() == email:
        return None
    if "@" in username:
        return "may contain an @ only if it is your own email"
    if username.lower().startswith(EMPTIED):
        return "begins like those of deleted accounts; choose another one"
    return find_username_fault(username, most=MOST_LETTERS)


async def refuse_duplicates(
    db: AsyncSession,
    customer: Customer,
    *,
    names: Collection[str] = ("username", "email", "phone"),
    phone_field: str = "phone",
) -> None:
    """Raise Refused for the first of these (username, email, phone) that another account has.

    Two concurrent requests for one phone wait for each other here.
    """
    if customer.phone is not None and "phone" in names:
        await db.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"phone:{customer.phone}"}
        )
    others = Customer.id != (customer.id or 0)
    checks = (
        ("username", "username", func.lower(Customer.username) == func.lower(customer.username)),
        ("email", "email", func.lower(Customer.email) == func.lower(customer.email)),
        ("phone", phone_field, (Customer.phone == customer.phone) & Customer.is_active),
    )
    for name, field, is_taken in checks:
        if name not in names or getattr(customer, name) is None:
            continue
        if await db.scalar(select(Customer.id).where(is_taken, others).limit(1)):
            raise _duplicate(name, field)


def _duplicate(name: str, field: str) -> Refused:
    hints = {
        "username": "Choose another username, or sign in if it is yours.",
        "email": "Sign in, or ask for a new password if you do not know it.",
        "phone": "Sign in, or ask for a code to this phone to set a new password.",
    }
    return Refused(
        f"An account with this {name} already exists.",
        code=TAKEN[name],
        fields={field: "belongs to another account"},
        duplicate_field=name,
        hint=hints[name],
    )


async def _open_account(
    db: AsyncSession, customer: Customer, *, rules: AccountRules, phone_field: str = "phone"
) -> Registered:
    """Write the account, add an audit entry and send what verifies it."""
    await refuse_duplicates(db, customer, phone_field=phone_field)
    try:
        async with db.begin_nested():
            db.add(customer)
            await db.flush()
    except IntegrityError as error:
        # A name was taken between the check and the insert.
        await refuse_duplicates(db, customer, phone_field=phone_field)
        raise _duplicate("username", "username") from error
    await record_audit(
        db,
        action=AuditAction.CUSTOMER_REGISTERED,
        record_kind="customer",
        record_id=customer.id,
        record_name=customer.company_name or customer.username,
        after={
            "username": customer.username,
            "email": customer.email,
            "phone": customer.phone,
            "shipping_address": compose_address(customer.shipping_street, customer.shipping_city),
        },
        by=as_owner(customer),
    )
    return await _send_proof(db, customer, rules=rules)


async def _send_proof(db: AsyncSession, customer: Customer, *, rules: AccountRules) -> Registered:
    token = code = None
    if customer.email is not None:
        token = await send_verification_link(db, customer.id, email=customer.email, shop_url=rules.shop_url)
        message = "Your account is created. Open the link in our email, then sign in."
    else:
        assert customer.phone is not None  # one of the two is required
        code = await text_code(db, customer.id, phone=customer.phone, secret_key=rules.secret_key)
        message = "Your account is created. Confirm it with the code that we texted you, then sign in."
    return Registered(
        message=message,
        user=describe_account(customer),
        email_verification_required=customer.email is not None,
        phone_verification_required=customer.email is None,
        debug_token=token if rules.shows_secrets else None,
        debug_code=code if rules.shows_secrets else None,
    )
