"""Imports prospects from a file; a number that is already listed is counted and not changed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import orjson
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right
from domain.calling.edit_entry import AddEntry
from domain.calling.hours_key import find_hours_key
from domain.calling.scores import BASE_SCORE
from domain.imports.kinds import BadRow, Cells, Field, ImportKind, Outcome, Record, Setting, register_kind
from domain.imports.read_cells import drop_decimals
from domain.kernel.addresses import parse_address
from domain.kernel.input_errors import describe_error
from domain.kernel.phone import parse_phone
from models import CallingStatus
from models.session import raw_connection

FIELDS = (
    Field("phone", "Phone", ("tel", "telephone", "phone_number", "mobile"), is_required=True, example="(216) 555-0148"),
    Field("company_name", "Company", ("company", "business", "restaurant"), example="Maple & Vine"),
    Field("contact_name", "Contact", ("contact", "name", "full_name"), example="Ana Lopez"),
    Field("email", "Email", ("e_mail", "mail"), example="ana@maple.example"),
    Field("address", "Address", ("street_address",), example="88 Grist Road, Alder Falls, OH 44099"),
    Field("notes", "Notes", ("note", "comment")),
    Field("priority_score", "Score", ("score", "priority")),
    Field("status", "Status"),
)
_INSERT = """
INSERT INTO calling_entry (
  phone, company_name, contact_name, email, street, city, state, zip, country, notes, base_score, priority_score,
  status, hours_key
)
SELECT n.phone, n.company_name, n.contact_name, n.email, n.street, n.city, n.state, n.zip, n.country, n.notes,
  n.score, n.score, n.status, n.hours_key
FROM jsonb_to_recordset($1::jsonb) AS n(
  phone text, company_name text, contact_name text, email text, street text, city text, state text, zip text,
  country text, notes text, score float8, status text, hours_key text
)
ORDER BY n.phone ON CONFLICT (phone) DO NOTHING RETURNING phone
"""


@dataclass(frozen=True, slots=True)
class NewProspect:
    """A prospect to be written."""

    phone: str
    company_name: str
    contact_name: str
    email: str | None
    street: str
    city: str
    state: str
    zip: str
    country: str
    notes: str
    score: float
    status: str
    hours_key: str


def read_prospect(cells: Cells, _setting: Setting) -> NewProspect:
    """Read a row of the file with the rules for a typed prospect. Raises BadRow naming each bad field."""
    faults: dict[str, str] = {}
    cells = {**cells, "phone": drop_decimals(cells.get("phone", ""))}
    values = {name: cells[name] for name in AddEntry.model_fields if cells.get(name)}
    try:
        data: AddEntry | None = AddEntry.model_validate(values, context={"source": "form"})
    except ValidationError as error:
        data = None
        faults = {str(detail["loc"][0]): describe_error(detail) for detail in error.errors(include_url=False)}
    phone = parse_phone(cells.get("phone", ""))
    if phone is None:
        faults["phone"] = f"{cells.get('phone', '')[:40]} is not a phone number" if cells.get("phone") else "is missing"
    if data is None or phone is None or faults:
        raise BadRow(faults)
    address = parse_address(data.address or "")
    return NewProspect(
        phone=phone,
        company_name=data.company_name or "",
        contact_name=data.contact_name or "",
        email=data.email,
        **asdict(address),
        notes=data.notes or "",
        score=BASE_SCORE if data.priority_score is None else data.priority_score,
        status=data.status or CallingStatus.NEW,
        hours_key=find_hours_key(phone, address.zip, address.state),
    )


async def write_prospects(db: AsyncSession, records: Sequence[Record], _setting: Setting) -> Outcome:
    """Write the prospects whose number is new, both on the list and so far in the file; one statement."""
    connection = await raw_connection(db)
    wanted: dict[str, tuple[int, NewProspect]] = {}
    skipped: set[int] = set()
    for record in records:
        prospect: NewProspect = record.rows[0]
        if prospect.phone in wanted:
            skipped.add(record.lines[0])
        else:
            wanted[prospect.phone] = (record.lines[0], prospect)
    rows = [asdict(prospect) for _, prospect in wanted.values()]
    written = {row["phone"] for row in await connection.fetch(_INSERT, orjson.dumps(rows).decode())} if rows else set()
    return Outcome(skipped=frozenset(skipped | {line for phone, (line, _) in wanted.items() if phone not in written}))


PROSPECTS = register_kind(
    ImportKind(
        name="prospects",
        noun="prospects",
        fields=FIELDS,
        read=read_prospect,
        write=write_prospects,
        right=Right.UPLOAD_PROSPECTS,
        back_url="/portal/calling",
    )
)
