"""Staff users: administrators add, change and delete them; managers see the list."""

from typing import Any

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.commissions.statements import list_rates
from domain.kernel.inputs import Input, Text60
from domain.staff import list_users, second_factor, users
from domain.staff.list_users import Standing
from models import AuditAction
from portal.attempts import Attempt, attempt
from portal.lists import make_tabs
from portal.merging import MergedAttempt, Present, attempt_merging, keep_opened
from portal.navigation import ROLE_WORDS
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_staff_users", __name__)
LIST = "/portal/staff"
TAB_WORDS = {Standing.ACTIVE: "Active", Standing.INACTIVE: "Inactive", Standing.ARCHIVED: "Archived"}
ROLE_CHOICES = [(role.value, word) for role, word in ROLE_WORDS.items()]
FIELD_WORDS = {
    "first_name": "First name", "last_name": "Last name", "full_name": "Full name", "email": "Email",
    "role": "Role", "is_active": "Account", "username": "Username",
}  # fmt: skip
ACTION_WORDS: dict[str, tuple[str, str, str]] = {
    AuditAction.STAFF_CREATED: ("user-plus", "good", "Added"),
    AuditAction.STAFF_UPDATED: ("pencil", "info", "Changed"),
    AuditAction.STAFF_CALLS_HANDED_OVER: ("user-check", "info", "Calls handed over"),
    AuditAction.STAFF_ARCHIVED: ("archive", "", "Archived"),
    AuditAction.STAFF_PASSWORD_RESET: ("lock", "info", "Password set by an emailed link"),
    AuditAction.STAFF_PASSWORD_CHANGED: ("lock", "info", "Password changed"),
    AuditAction.STAFF_EMAIL_CHANGE_ASKED: ("mail", "info", "Email change requested"),
    AuditAction.STAFF_EMAIL_CHANGED: ("mail", "info", "Email changed"),
    AuditAction.STAFF_EMAIL_CHANGE_UNDONE: ("arrow-back-up", "warn", "Email change undone"),
    AuditAction.STAFF_DELETED: ("trash", "", "Deleted"),
    AuditAction.STAFF_COMMISSION_RATE_SET: ("percentage", "info", "Commission rate set"),
    AuditAction.STAFF_SECOND_FACTOR_ON: ("shield-check", "good", "Second factor on"),
    AuditAction.STAFF_SECOND_FACTOR_OFF: ("lock-open", "warn", "Second factor off"),
}


class EditStaffForm(users.UpdateStaff):
    """The page always sends both names, so an empty one is meant to be empty."""

    first_name: Text60 = ""
    last_name: Text60 = ""


class Button(Input):
    """A form with only a button."""


@blueprint.get(LIST)
@staff_page(Right.SEE_STAFF)
@reads_query(list_users.StaffFilters)
async def show_staff_users(query: list_users.StaffFilters) -> Response:
    """The list, or the block of it that changed."""
    counts = await list_users.count_by_standing(db(), query)
    return await page_or_block(
        "administration/staff_users/list.html",
        block="staff_table",
        page=await list_users.filter_staff(db(), query),
        filters=query,
        is_filtered=bool(query.q or query.role),
        roles=[("", "Any role"), *ROLE_CHOICES],
        tabs=make_tabs(
            LIST,
            "standing",
            [(standing, word, counts[standing]) for standing, word in TAB_WORDS.items()],
            query.standing,
            keep={"q", "role"},
        ),
    )


@blueprint.get(f"{LIST}/new")
@staff_page(Right.EDIT_STAFF)
async def show_new_staff_user() -> Response:
    """The form for a new colleague."""
    return await _show_new(None)


@blueprint.post(LIST)
@staff_page(Right.EDIT_STAFF)
async def add_staff_user() -> Response:
    """Add a colleague."""

    async def act(data: users.CreateStaff) -> Any:
        return await users.create_staff(db(), data, by=current_actor())

    tried = await attempt(users.CreateStaff, act)
    if tried.result is None:
        return await _show_new(tried)
    return await redirect_to(LIST, toast=f"{tried.result.username} added")


@blueprint.get(f"{LIST}/<id:staff_id>")
@staff_page(Right.EDIT_STAFF)
async def show_staff_user(staff_id: int) -> Response:
    """One colleague: the form and what was changed before."""
    return await _show_one(staff_id, None)


@blueprint.post(f"{LIST}/<id:staff_id>")
@staff_page(Right.EDIT_STAFF)
async def save_staff_user(staff_id: int) -> Response:
    """Save the form, unless someone else changed the record in the meantime."""

    async def act(data: EditStaffForm, version: int | None) -> Any:
        return await users.update_staff(db(), staff_id, data, by=current_actor(), expected_version=version)

    async def read_present() -> Present:
        staff = await users.get_staff(db(), staff_id)
        return Present(staff.version, _write_values(staff))

    tried = await attempt_merging(EditStaffForm, act, read_present)
    if tried.result is None:
        return await _show_one(staff_id, tried)
    return await redirect_to(LIST, toast=f"{tried.result.username} saved")


@blueprint.get(f"{LIST}/<id:staff_id>/delete")
@staff_page(Right.EDIT_STAFF)
async def show_delete_staff_user(staff_id: int) -> Response:
    """Ask before removing an account, and say whether it will be deleted or archived."""
    return await _ask_delete(staff_id, None)


@blueprint.post(f"{LIST}/<id:staff_id>/delete")
@staff_page(Right.EDIT_STAFF)
async def delete_staff_user(staff_id: int) -> Response:
    """Delete or archive the account."""
    tried = await attempt(Button, lambda _: users.delete_staff(db(), staff_id, by=current_actor()))
    if tried.result is None:
        return await _ask_delete(staff_id, tried)
    word = "archived" if tried.result.is_archived else "deleted"
    return await redirect_to(LIST, toast=f"{tried.result.username} {word}")


@blueprint.get(f"{LIST}/<id:staff_id>/second-factor")
@staff_page(Right.EDIT_STAFF)
async def show_remove_factor(staff_id: int) -> Response:
    """Ask before turning off a colleague's second factor."""
    return await _ask_factor(staff_id, None)


@blueprint.post(f"{LIST}/<id:staff_id>/second-factor")
@staff_page(Right.EDIT_STAFF)
async def remove_factor(staff_id: int) -> Response:
    """Turn a colleague's second factor off."""
    tried = await attempt(Button, lambda _: second_factor.remove_second_factor_of(db(), staff_id, by=current_actor()))
    if tried.result is None:
        return await _ask_factor(staff_id, tried)
    return await redirect_to(f"{LIST}/{staff_id}", toast=f"Second factor of {tried.result.username} is off")


async def _show_new(tried: Attempt[Any] | None) -> Response:
    return await page_or_block(
        "administration/staff_users/new.html",
        roles=ROLE_CHOICES,
        minimum=settings().password_min_length,
        **_form(tried),
    )


def _write_values(staff: Any) -> dict[str, str]:
    """The values of a colleague's form."""
    return {
        "first_name": staff.first_name,
        "last_name": staff.last_name,
        "email": staff.email or "",
        "role": staff.role,
        "is_active": "true" if staff.is_active else "false",
    }


async def _show_one(staff_id: int, tried: MergedAttempt[Any] | None) -> Response:
    staff = await users.get_staff(db(), staff_id)
    changes = await list_users.list_changes(db(), staff_id)
    present = _write_values(staff)
    form = _form(tried)
    typed = {name: form["typed"].get(name, value) for name, value in present.items()}
    stale = tried is not None and tried.is_stale
    return await page_or_block(
        "administration/staff_users/edit.html",
        staff=staff,
        roles=ROLE_CHOICES,
        minimum=settings().password_min_length,
        # A refused form keeps the version at which it was opened; it gets the new one only after showing both values.
        version=form["typed"].get("version", "") if tried is not None and not stale else staff.version,
        changed_by=changes[0].who if changes else "Someone",
        changed_at=staff.updated_at,
        opened=keep_opened(tried, present),
        differences=tried.describe_clashes(FIELD_WORDS, _word) if tried is not None and stale else [],
        clashes=tried.clashes if tried is not None else [],
        is_stale=stale,
        timeline=[_describe_change(change) for change in changes],
        rates=await list_rates(db(), staff_id),
        default_rate=settings().commission_pct,
        **(form | {"typed": typed, "problem": "" if stale else form["problem"]}),
    )


async def _ask_delete(staff_id: int, tried: Attempt[Any] | None) -> Response:
    staff = await users.get_staff(db(), staff_id)
    fate = (
        f"{staff.username} appears in records, so the account is archived: no one can sign in with it, all its"
        " sessions end now, and its name is kept in the records."
        if await users.has_history(db(), staff_id)
        else f"{staff.username} appears in no records: the account and its sessions are deleted permanently."
    )
    return await _ask(staff, tried, f"Delete {staff.username}?", "delete", "Delete", fate)


async def _ask_factor(staff_id: int, tried: Attempt[Any] | None) -> Response:
    staff = await users.get_staff(db(), staff_id)
    fate = f"Then the password alone opens the account. All sessions of {staff.username} end now."
    title = f"Turn off the second factor of {staff.username}?"
    return await _ask(staff, tried, title, "second-factor", "Turn off", fate)


async def _ask(  # noqa: PLR0917 -- the words of one question, in the order they stand on the page
    staff: Any, tried: Attempt[Any] | None, title: str, path: str, verb: str, text: str
) -> Response:
    return await page_or_block(
        "shared/confirm.html",
        block="dialog",
        status=tried.status if tried is not None else 200,
        title=title,
        url=f"{LIST}/{staff.id}/{path}",
        verb=verb,
        keep="Keep it",
        back_url=f"{LIST}/{staff.id}",
        text=text,
        problem=tried.problem if tried is not None else "",
    )


def _form(tried: Attempt[Any] | None) -> dict[str, Any]:
    if tried is None:
        return {"status": 200, "typed": {}, "errors": {}, "problem": ""}
    return {"status": tried.status, "typed": tried.typed, "errors": tried.errors, "problem": tried.problem}


def _describe_change(change: list_users.Change) -> dict[str, Any]:
    """One entry of the timeline."""
    icon, tone, text = ACTION_WORDS.get(change.action, ("history", "", change.action))
    lines = []
    if change.action == AuditAction.STAFF_UPDATED:
        names = [name for name in change.after if name != "full_name" or len(change.after) == 1]
        lines = [
            f"{FIELD_WORDS.get(name, name)}: {_word(name, change.before.get(name))} → {_word(name, change.after[name])}"
            for name in names
        ]
    if change.note:
        lines.append(change.note)
    return {
        "icon": icon, "tone": tone, "text": text, "before": "", "after": "", "note": ", ".join(lines),
        "who": change.who, "at": change.at,
    }  # fmt: skip


def _word(name: str, value: Any) -> str:
    """A field's value for display."""
    if name == "role":
        return dict(ROLE_CHOICES).get(str(value), str(value))
    if name == "is_active":
        return "Active" if value in {True, "true"} else "Inactive"
    return str(value) if value else "nothing"
