"""Bank details of customers: the account number is encrypted and bound to its row, and is never shown as a whole.

Only the last four digits are shown. An HMAC of the number finds the same account at two customers.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from stdnum.exceptions import ValidationError
from stdnum.us import rtn

from domain.access.crypto import decrypt as open_secret
from domain.access.crypto import encrypt, needs_rotation
from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.errors import NotFound
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import Input, Text60, Text200
from domain.sales.customers import check_rep
from models import AccountType, AuditAction, BankAccount, Customer, Staff

_BETWEEN = re.compile(r"[\s.-]+")
_LINES = re.compile(r"[0-9]{4,17}", re.ASCII)
# The Federal Reserve districts, thrift institutions, electronic identifiers, and traveller's cheques.
_PREFIXES = {*range(1, 13), *range(21, 33), *range(61, 73), 80}


def _check_routing(value: str) -> str:
    number = _BETWEEN.sub("", value)
    try:
        rtn.validate(number)
    except ValidationError:
        raise bad_field("must be a nine-digit routing number with a correct check digit") from None
    if int(number[:2]) not in _PREFIXES:
        raise bad_field("must be a routing number issued by the ABA")
    return number


def _check_account(value: str) -> str:
    number = _BETWEEN.sub("", value)
    if not _LINES.fullmatch(number):
        raise bad_field("must have 4 to 17 digits")
    return number


def _check_type(value: str) -> str:
    word = value.lower() or AccountType.CHECKING
    if word not in set(AccountType):
        raise bad_field("must be checking or savings")
    return word


RoutingNumber = Annotated[
    str,
    StringConstraints(max_length=40),
    AfterValidator(_check_routing),
    Field(json_schema_extra={"pattern": r"^([0-9][ .-]*){9}$"}),
]
AccountNumber = Annotated[
    str,
    StringConstraints(max_length=60),
    AfterValidator(_check_account),
    Field(json_schema_extra={"pattern": r"^([0-9][ .-]*){4,17}$"}),
]
AccountTypeIn = Annotated[
    Text60, AfterValidator(_check_type), Field(json_schema_extra={"enum": [*map(str, AccountType), ""]})
]


class SaveBankAccount(Input):
    """Bank details as given by the customer."""

    bank_name: Text200 | None = None
    """The name of the bank."""
    account_name: Text200 | None = None
    """The name of the account holder."""
    routing_number: RoutingNumber
    """The bank's ABA number, nine digits."""
    account_number: AccountNumber
    """4 to 17 digits; stored encrypted and never shown as a whole."""
    account_type: AccountTypeIn = AccountType.CHECKING
    """checking or savings."""


@dataclass(frozen=True, slots=True)
class BankDetails:
    """The visible part of a customer's bank details."""

    customer_id: int
    has_ach: bool = False
    ach_bank_name: str | None = None
    ach_account_name: str | None = None
    ach_routing_number: str | None = None
    ach_account_number_masked: str | None = None
    ach_account_type: str | None = None
    ach_authorized_at: datetime | None = None
    shared_with: int = 0


async def get_bank_details(db: AsyncSession, customer_id: int, *, visible_to: Actor) -> BankDetails:
    """Return a customer's bank details, with only the number's last four digits. Raises NotFound and NotAllowed."""
    require(visible_to, Right.SEE_BANK_DETAILS, "Your role does not see bank details.")
    await _check_customer(db, customer_id, visible_to)
    account = await _find(db, customer_id)
    return BankDetails(customer_id) if account is None else await _show(db, account)


async def save_bank_account(
    db: AsyncSession, customer_id: int, data: SaveBankAccount, *, by: Actor, keys: list[str]
) -> BankDetails:
    """Replace a customer's bank details. The audit trail records who did it, but not the number."""
    require(by, Right.SEE_BANK_DETAILS, "Your role does not keep bank details.")
    await _check_customer(db, customer_id, by, lock=True)
    account = await _find(db, customer_id)
    before = account.last_four if account else None
    if account is None:
        new_id = (await db.execute(text("SELECT nextval(pg_get_serial_sequence('bank_account', 'id'))"))).scalar_one()
        account = BankAccount(
            id=new_id, customer_id=customer_id, routing_number="", sealed_number="", number_index="", last_four="",
            authorized_at=now(),
        )  # fmt: skip
        db.add(account)
    account.bank_name = data.bank_name or ""
    account.account_name = data.account_name or ""
    account.routing_number = data.routing_number
    account.account_type = data.account_type
    account.last_four = data.account_number[-4:]
    account.sealed_number = encrypt(data.account_number, keys, context_of(account.id))
    account.number_index = index_number(data.routing_number, data.account_number, keys)
    account.authorized_at = account.updated_at = now()
    account.version += 1
    account.actor_kind, account.actor_id, account.actor_name = str(by.kind), by.id, by.name
    await db.flush()
    await record_audit(
        db,
        action=AuditAction.CUSTOMER_BANK_ACCOUNT_SAVED,
        record_kind="customer",
        record_id=customer_id,
        record_name="",
        before={"last_four": before} if before else None,
        after={"last_four": account.last_four, "account_type": account.account_type},
        by=by,
    )
    return await _show(db, account)


def context_of(account_id: int) -> str:
    """Return what a stored number is bound to: its row."""
    return f"bank_account:{account_id}"


def read_number(account: BankAccount, keys: list[str]) -> str:
    """Return the whole number, only for a debit. Raises UnreadableSecretError for one that was moved or changed."""
    return open_secret(account.sealed_number, keys, context_of(account.id))


def index_number(routing_number: str, account_number: str, keys: list[str]) -> str:
    """Return an index value that reveals nothing about the account: an HMAC with a key from the newest data key."""
    key = hashlib.sha256(b"bank account index\0" + keys[0].encode()).digest()
    return hmac.new(key, f"{routing_number}:{account_number}".encode(), hashlib.sha256).hexdigest()


async def rotate_bank_accounts(db: AsyncSession, keys: list[str], *, most: int = 500) -> int:
    """Encrypt again numbers that use an older data key. Returns how many. Repeat until it returns 0."""
    accounts = (await db.scalars(select(BankAccount).order_by(BankAccount.id).with_for_update())).all()
    old = [account for account in accounts if needs_rotation(account.sealed_number, keys)][:most]
    for account in old:
        number = read_number(account, keys)
        account.sealed_number = encrypt(number, keys, context_of(account.id))
        account.number_index = index_number(account.routing_number, number, keys)
    await db.flush()
    return len(old)


async def _check_customer(db: AsyncSession, customer_id: int, actor: Actor, *, lock: bool = False) -> None:
    statement = select(Customer.sales_rep_id, Customer.company_name, Staff.full_name).outerjoin(
        Staff, Staff.id == Customer.sales_rep_id
    )
    if lock:
        statement = statement.with_for_update(of=Customer, key_share=True)
    row = (await db.execute(statement.where(Customer.id == customer_id))).first()
    if row is None:
        raise NotFound("There is no such customer.")
    check_rep(row.sales_rep_id, row.full_name, row.company_name, actor)


async def _find(db: AsyncSession, customer_id: int) -> BankAccount | None:
    return (await db.scalars(select(BankAccount).where(BankAccount.customer_id == customer_id))).first()


async def _show(db: AsyncSession, account: BankAccount) -> BankDetails:
    others = select(BankAccount.id).where(
        BankAccount.number_index == account.number_index, BankAccount.id != account.id
    )
    return BankDetails(
        account.customer_id,
        True,
        account.bank_name,
        account.account_name,
        account.routing_number,
        f"••••{account.last_four}",
        account.account_type,
        account.authorized_at,
        len((await db.execute(others)).all()),
    )
