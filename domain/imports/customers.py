"""Imports customers: those known by email or phone are not changed, and suppressed numbers stay suppressed."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.tokens import new_code
from domain.customers.typed import read_phone
from domain.imports.kinds import BadRow, Cells, Field, ImportKind, Outcome, Record, Setting, register_kind
from domain.imports.read_cells import drop_decimals, is_yes, read_moment
from domain.kernel.addresses import read_state, restore_zip
from domain.kernel.clock import now
from domain.kernel.inputs import EmailIn
from domain.kernel.texts import clean_text
from models.session import raw_connection

_EMAIL: TypeAdapter[str] = TypeAdapter(EmailIn)
_LONGEST = {"first_name": 60, "last_name": 60, "company_name": 200, "email": 254, "phone": 60}
_ADDRESS = ("street", "city", "state", "zip")
FIELDS = (
    Field("first_name", "First name", ("first", "firstname", "given_name", "vorname")),
    Field("last_name", "Last name", ("last", "lastname", "surname", "family_name", "nachname")),
    Field("full_name", "Full name", ("contact", "name", "contact_name", "customer_name", "ansprechpartner")),
    Field("company_name", "Company", ("company", "business", "restaurant", "firma", "account")),
    Field("email", "Email", ("e_mail", "mail", "email_address", "e_mail_address")),
    Field("phone", "Phone", ("tel", "tel.", "telephone", "phone_number", "telefon", "mobile")),
    Field("joined", "Customer since", ("since", "customer_since", "created", "created_at", "kunde_seit")),
    Field("shipping_street", "Deliver to: street", ("street", "address", "address_1", "strasse", "straße")),
    Field("shipping_city", "Deliver to: city", ("city", "town", "ort")),
    Field("shipping_state", "Deliver to: state", ("state", "st", "province")),
    Field("shipping_zip", "Deliver to: ZIP", ("zip", "zip_code", "postal_code", "plz")),
    Field("billing_street", "Bill to: street"),
    Field("billing_city", "Bill to: city"),
    Field("billing_state", "Bill to: state"),
    Field("billing_zip", "Bill to: ZIP"),
    Field("same_as_shipping", "Bill to: same", ("billing_same_as_shipping",)),
)
# Only one import at a time looks for a phone and writes it; otherwise two imports of the same file would both find
# none.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('import:customers', 0))"
# Each lookup with its own index: combined by OR, a table that was small when planned would be read completely.
_KNOWN = """
SELECT lower(c.email) FROM unnest($1::text[]) AS e(email) JOIN customer AS c ON lower(c.email) = e.email
UNION ALL SELECT c.phone FROM unnest($2::text[]) AS p(phone) JOIN customer AS c ON c.phone = p.phone
UNION ALL SELECT c.phone2 FROM unnest($2::text[]) AS p(phone) JOIN customer AS c ON c.phone2 = p.phone
"""
_INSERT = """
INSERT INTO customer (
  username, email, first_name, last_name, company_name, phone, phone_raw, shipping_street, shipping_city,
  shipping_state, shipping_zip, billing_street, billing_city, billing_state, billing_zip, created_at, do_not_call,
  do_not_text
)
SELECT n.username, n.email, n.first_name, n.last_name, n.company_name, n.phone, n.phone_raw, n.shipping_street,
  n.shipping_city, n.shipping_state, n.shipping_zip, n.billing_street, n.billing_city, n.billing_state, n.billing_zip,
  coalesce(n.joined, now()), coalesce(s.do_not_call, false), coalesce(s.do_not_text, false)
FROM jsonb_to_recordset($1::jsonb) AS n(
  username text, email text, first_name text, last_name text, company_name text, phone text, phone_raw text,
  shipping_street text, shipping_city text, shipping_state text, shipping_zip text, billing_street text,
  billing_city text, billing_state text, billing_zip text, joined timestamptz
)
LEFT JOIN suppressed_number s ON s.phone = n.phone
ON CONFLICT DO NOTHING
RETURNING username, do_not_call OR do_not_text AS is_marked
"""


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """A customer to be written."""

    email: str | None
    first_name: str
    last_name: str
    company_name: str
    phone: str | None
    phone_raw: str
    shipping_street: str
    shipping_city: str
    shipping_state: str
    shipping_zip: str
    billing_street: str
    billing_city: str
    billing_state: str
    billing_zip: str
    joined: datetime | None


_NAMES = [field.name for field in fields(NewCustomer)]


def read_customer(cells: Cells, setting: Setting) -> NewCustomer:
    """Read a row of the file. Raises BadRow without both name and company, or without both email and phone."""
    cells = {name: clean_text(cell) for name, cell in cells.items()}
    faults = {
        name: f"is longer than {most} characters" for name, most in _LONGEST.items() if len(cells.get(name, "")) > most
    }
    first, last = cells.get("first_name", ""), cells.get("last_name", "")
    if not (first or last) and (full := cells.get("full_name", "")):
        first, _, last = full.rpartition(" ") if " " in full else (full, "", "")
    company = cells.get("company_name", "")
    if not (first or last or company):
        faults[""] = "there is neither a name nor a company"
    email = read_email(cells.get("email", ""), faults, "email")
    phone, raw = read_phone(drop_decimals(cells["phone"])) if cells.get("phone") else (None, "")
    if not cells.get("email") and not cells.get("phone"):
        faults["email"] = "is missing, and so is a phone"
    shipping, billing = _read_address(cells, "shipping"), _read_address(cells, "billing")
    if is_yes(cells.get("same_as_shipping", "")):
        billing = {name.replace("shipping", "billing"): value for name, value in shipping.items()}
    if faults:
        raise BadRow(faults)
    joined = read_moment(cells.get("joined", ""), setting.timezone)
    return NewCustomer(
        email, first, last, company, phone, raw, **shipping, **billing,
        joined=joined if joined is not None and joined < now() and joined.year >= 1900 else None,
    )  # fmt: skip


def _read_address(cells: Cells, kind: str) -> dict[str, str]:
    """The parts of an address as they are kept; what is no state or ZIP code of the US stays as it is."""
    parts = {f"{kind}_{part}": cells.get(f"{kind}_{part}", "")[:200] for part in _ADDRESS}
    state, zip_code = parts[f"{kind}_state"], parts[f"{kind}_zip"]
    known = read_state(state) or ""
    return parts | {f"{kind}_state": known or state, f"{kind}_zip": restore_zip(drop_decimals(zip_code), known)}


def read_email(text: str, faults: dict[str, str], field: str) -> str | None:
    """Return an email in its stored form; an invalid one is added to the faults."""
    if not text:
        return None
    try:
        return _EMAIL.validate_python(text)
    except ValidationError:
        faults[field] = f"{text[:60]} is not an email address"
        return None


async def write_customers(db: AsyncSession, records: Sequence[Record], setting: Setting) -> Outcome:
    """Write the customers whose email and phone are new, in the database and so far in the file; three statements."""
    connection = await raw_connection(db)
    await connection.execute(_LOCK)
    people: list[tuple[int, NewCustomer]] = [(record.lines[0], record.rows[0]) for record in records]
    emails = [person.email for _, person in people if person.email]
    phones = [person.phone for _, person in people if person.phone]
    known = await connection.fetch(_KNOWN, emails, phones)
    taken: set[str] = {row[0] for row in known}
    skipped: set[int] = set()
    wanted: dict[str, tuple[int, dict[str, Any]]] = {}
    for line, person in people:
        own = {value for value in (person.email, person.phone) if value}
        if own & taken:
            skipped.add(line)
            continue
        taken |= own
        username = person.email or f"{person.phone or 'imported'}-{new_code()}-{setting.run_id}-{line}"
        wanted[username] = (line, {"username": username} | {name: getattr(person, name) for name in _NAMES})
    rows = [row for _, row in wanted.values()]
    written = await connection.fetch(_INSERT, orjson.dumps(rows).decode()) if rows else []
    missed = wanted.keys() - {row["username"] for row in written}
    skipped |= {wanted[username][0] for username in missed}
    return Outcome(skipped=frozenset(skipped), marked=sum(row["is_marked"] for row in written))


CUSTOMERS = register_kind(
    ImportKind(
        name="customers",
        noun="customers",
        fields=FIELDS,
        read=read_customer,
        write=write_customers,
        back_url="/portal/customers",
    )
)
