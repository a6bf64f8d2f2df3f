"""Staff users: created, changed and deleted by administrators, of whom at least one always stays active.

An account that other records name is archived instead of deleted, so that old records keep their author.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints
from sqlalchemy import ColumnElement, and_, delete, exists, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.passwords import NewPasswordIn, hash_password
from domain.access.sessions import end_sessions_of
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.audit import make_stale, record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound, Refused
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import Input, OptionalEmailIn, Text60, Text200
from domain.kernel.texts import find_username_fault, normalise_username
from models import AuditAction, Role, SessionKind, Staff, Table

FACTS = ("username", "email", "full_name", "first_name", "last_name", "role", "is_active")
MOST_LETTERS = 60
# Rows deleted with the account: they say who is signed in, not what anybody did.
GOES_ALONG = frozenset({"login_session", "one_time_code", "revoked_token"})


def _check_username(name: str) -> str:
    if fault := find_username_fault(name, most=MOST_LETTERS):
        raise bad_field(fault)
    return name


Username = Annotated[
    str,
    StringConstraints(min_length=2, max_length=MOST_LETTERS),
    AfterValidator(normalise_username),
    AfterValidator(_check_username),
]


class CreateStaff(Input):
    """A new colleague; the default role is `staff`."""

    username: Username
    password: NewPasswordIn
    email: OptionalEmailIn = None
    role: Role | None = None
    first_name: Text60 | None = None
    last_name: Text60 | None = None
    full_name: Text200 | None = None


class UpdateStaff(Input):
    """The fields to change. Fields that are not sent stay unchanged; an email of null is removed."""

    full_name: Text200 | None = None
    first_name: Text60 | None = None
    last_name: Text60 | None = None
    email: OptionalEmailIn = None
    role: Role | None = None
    is_active: bool | None = None
    password: NewPasswordIn | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """What happened to an account: deleted, or archived because other records name it."""

    username: str
    is_archived: bool

    @property
    def message(self) -> str:
        """The outcome as a sentence."""
        if self.is_archived:
            return (
                f"{self.username} appears in records, so the account was archived instead of deleted: no one can"
                " sign in with it, and its name is kept in the records."
            )
        return f"{self.username} was deleted."


async def create_staff(db: AsyncSession, data: CreateStaff, *, by: Actor) -> Staff:
    """Create a colleague's account. Raises Refused for a taken username (whatever its case) or email."""
    first_name, last_name, full_name = _complete_names(data.first_name, data.last_name, data.full_name)
    statement = (
        insert(Staff)
        .values(
            username=data.username,
            email=data.email,
            password_hash=await hash_password(data.password),
            first_name=first_name,
            last_name=last_name,
            full_name=full_name,
            role=data.role or Role.STAFF,
            created_at=(at := now()),
            updated_at=at,
        )
        .on_conflict_do_nothing()
        .returning(Staff)
    )
    staff = (await db.scalars(statement)).one_or_none()
    if staff is None:
        raise await _name_duplicate(db, data)
    await record_audit(
        db,
        action=AuditAction.STAFF_CREATED,
        record_kind="staff",
        record_id=staff.id,
        record_name=staff.username,
        after=_facts(staff),
        by=by,
    )
    return staff


async def find_by_name(connection: AsyncConnection, name: str) -> Any:
    """Return the row for a username, or otherwise an email, with what signing in needs; None if there is none."""
    wanted = func.lower(normalise_username(name))
    return (
        await connection.execute(
            select(
                Staff.id,
                Staff.email,
                Staff.password_hash,
                Staff.is_active,
                Staff.is_demo,
                Staff.totp_confirmed_at,
            )
            .where(or_(func.lower(Staff.username) == wanted, func.lower(Staff.email) == wanted))
            .order_by((func.lower(Staff.username) == wanted).desc())
            .limit(1)
        )
    ).first()


async def get_staff(db: AsyncSession, staff_id: int) -> Staff:
    """Return one staff user, archived or not. Raises NotFound."""
    staff = await db.get(Staff, staff_id)
    if staff is None:
        raise NotFound("There is no such staff user.")
    return staff


async def update_staff(
    db: AsyncSession,
    staff_id: int,
    data: UpdateStaff,
    *,
    by: Actor,
    expected_version: int | None = None,
) -> Staff:
    """Change a colleague. A new role, password or deactivation ends their sessions.

    Locks the row and every active administrator's, in order of id. Raises Refused for the last active administrator, a
    taken email, and `stale` if the record was changed in the meantime. Making an archived user active restores the
    account.
    """
    password_hash = await hash_password(data.password) if data.password is not None else None
    staff, other_admins = await _lock_with_admins(db, staff_id)
    if expected_version is not None and staff.version != expected_version:
        raise await make_stale(
            db,
            "this staff user",
            record_kind="staff",
            record_id=staff_id,
            changed_at=staff.updated_at,
            version=staff.version,
        )
    changes = _collect_changes(staff, data)
    _keep_one_admin(staff, other_admins, role=changes.get("role"), is_active=changes.get("is_active"))
    ends_sessions = {"role", "is_active"} & changes.keys() or password_hash is not None
    if not changes and password_hash is None:
        return staff
    before = {name: getattr(staff, name) for name in changes}
    stored = dict(changes)
    if password_hash is not None:
        stored |= {"password_hash": password_hash, "failed_sign_ins": 0, "locked_until": None}
    if changes.get("is_active"):
        stored["archived_at"] = None
    await _write(db, staff, stored)
    if ends_sessions:
        keeps = (
            by.session_id if by.is_staff and by.id == staff.id and not changes.keys() & {"role", "is_active"} else None
        )
        await end_sessions_of(db, SessionKind.STAFF, staff_id, except_session_id=keeps)
    await record_audit(
        db,
        action=AuditAction.STAFF_UPDATED,
        record_kind="staff",
        record_id=staff.id,
        record_name=staff.username,
        before=before,
        after=changes,
        note="Password set" if password_hash is not None else "",
        by=by,
    )
    return staff


async def delete_staff(db: AsyncSession, staff_id: int, *, by: Actor) -> Deleted:
    """Delete a colleague without history, archive one with history; both end their sessions.

    Raises Refused for the actor's own account and for the last active administrator. Locks like `update_staff`.
    """
    if by.is_staff and by.id == staff_id:
        raise Refused("You can't delete your own account. Ask another administrator.", code=Code.OWN_ACCOUNT)
    staff, other_admins = await _lock_with_admins(db, staff_id)
    if staff.archived_at is not None:
        return Deleted(staff.username, is_archived=True)
    _keep_one_admin(staff, other_admins, is_active=False)
    is_archived = await has_history(db, staff_id)
    await end_sessions_of(db, SessionKind.STAFF, staff_id)
    before = _facts(staff)
    if is_archived:
        await _write(db, staff, {"is_active": False, "archived_at": now()})
    else:
        await db.execute(delete(Staff).where(Staff.id == staff_id))
    await record_audit(
        db,
        action=AuditAction.STAFF_ARCHIVED if is_archived else AuditAction.STAFF_DELETED,
        record_kind="staff",
        record_id=staff_id,
        record_name=staff.username,
        before=before,
        by=by,
    )
    return Deleted(staff.username, is_archived)


async def has_history(db: AsyncSession, staff_id: int) -> bool:
    """Return True if any table names this colleague: as rep, or as who did something."""
    statement = select(or_(*(condition for condition in _history_conditions(staff_id))))
    return bool(await db.scalar(statement))


def _history_conditions(staff_id: int) -> list[ColumnElement[bool]]:
    """The tables are found through the metadata, so that a table added later is not forgotten."""
    person = literal(staff_id)
    conditions: list[ColumnElement[bool]] = []
    for table_name, column_name, is_actor in _places_of_staff():
        table = Table.metadata.tables[table_name]
        where = table.c[column_name] == person
        if is_actor:
            where = and_(table.c.actor_kind == ActorKind.STAFF, where)
        conditions.append(exists().where(where))
    return conditions


@lru_cache(maxsize=1)
def _places_of_staff() -> tuple[tuple[str, str, bool], ...]:
    places: list[tuple[str, str, bool]] = []
    for name, table in Table.metadata.tables.items():
        if name in GOES_ALONG:
            continue
        places += [
            (name, column.name, False)
            for column in table.columns
            if any(key.target_fullname == "staff.id" for key in column.foreign_keys)
        ]
        if {"actor_kind", "actor_id"} <= set(table.columns.keys()):
            places.append((name, "actor_id", True))
    return tuple(places)


async def _lock_with_admins(db: AsyncSession, staff_id: int) -> tuple[Staff, int]:
    """Return the row to change and the number of other active administrators, all locked.

    Two requests that would each remove one of the last two administrators therefore wait for each other.
    """
    statement = (
        select(Staff)
        .where(or_(Staff.id == staff_id, and_(Staff.role == Role.ADMIN, Staff.is_active)))
        .order_by(Staff.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    rows = (await db.scalars(statement)).all()
    staff = next((row for row in rows if row.id == staff_id), None)
    if staff is None:
        raise NotFound("There is no such staff user.")
    return staff, sum(_is_active_admin(row) for row in rows if row.id != staff_id)


def _is_active_admin(staff: Staff) -> bool:
    return staff.role == Role.ADMIN and staff.is_active


def _keep_one_admin(staff: Staff, other_admins: int, *, role: str | None = None, is_active: bool | None = None) -> None:
    stays = (role or staff.role) == Role.ADMIN and (staff.is_active if is_active is None else is_active)
    if _is_active_admin(staff) and not stays and other_admins == 0:
        raise Refused(
            f"{staff.username} is the last active administrator. Make someone else one first.", code=Code.LAST_ADMIN
        )


def _collect_changes(staff: Staff, data: UpdateStaff) -> dict[str, Any]:
    """Return the columns whose value would change."""
    wanted: dict[str, Any] = {}
    sent = data.model_fields_set
    if "email" in sent:
        wanted["email"] = data.email
    if data.role is not None:
        wanted["role"] = data.role.value
    if data.is_active is not None:
        wanted["is_active"] = data.is_active
    first_name = data.first_name if data.first_name is not None else staff.first_name
    last_name = data.last_name if data.last_name is not None else staff.last_name
    if (first_name, last_name) != (staff.first_name, staff.last_name):
        names = _complete_names(first_name, last_name, data.full_name)
    elif data.full_name is not None:
        keeps_parts = data.first_name is not None or data.last_name is not None
        names = (first_name, last_name, data.full_name) if keeps_parts else _complete_names(None, None, data.full_name)
    else:
        names = (first_name, last_name, staff.full_name)
    wanted |= dict(zip(("first_name", "last_name", "full_name"), names, strict=True))
    return {name: value for name, value in wanted.items() if value != getattr(staff, name)}


def _complete_names(first: str | None, last: str | None, full: str | None) -> tuple[str, str, str]:
    """Return first, last and full name; missing ones are derived from the others."""
    if full is None:
        full = " ".join(part for part in (first, last) if part)
    elif first is None and last is None:
        first, _, last = full.partition(" ")
    return first or "", (last or "").strip(), full


async def _write(db: AsyncSession, staff: Staff, values: dict[str, Any]) -> None:
    """Store values of a locked row with a new version; a savepoint keeps the transaction usable for the refusal."""
    try:
        async with db.begin_nested():
            await db.execute(
                update(Staff)
                .where(Staff.id == staff.id)
                .values(**values, version=Staff.version + 1, updated_at=now())
                .execution_options(synchronize_session=False)
            )
    except IntegrityError as error:
        raise email_taken() from error
    await db.refresh(staff)


def email_taken(field: str = "email") -> Refused:
    """Return the refusal of an email that another colleague has."""
    return Refused(
        "Another staff user has this email.",
        code=Code.EMAIL_TAKEN,
        fields={field: "belongs to another staff user"},
        duplicate_field="email",
    )


async def _name_duplicate(db: AsyncSession, data: CreateStaff) -> InvalidInput | Refused:
    """Return the refusal that says what is taken."""
    archived_at = (
        await db.execute(select(Staff.archived_at).where(func.lower(Staff.username) == func.lower(data.username)))
    ).first()
    if archived_at is None:
        return email_taken()
    hint = " by an archived staff user, who can be restored" if archived_at[0] is not None else ""
    return Refused(
        f"The username {data.username} is taken{hint}.",
        code=Code.USERNAME_TAKEN,
        fields={"username": f"is taken{hint}"},
        duplicate_field="username",
    )


def _facts(staff: Staff) -> dict[str, Any]:
    return {name: getattr(staff, name) for name in FACTS}
