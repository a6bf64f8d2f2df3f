"""Staff sign-in, the user's own account, and the staff users that administrators manage."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.schemas.staff_accounts import (
    StaffEmailOut,
    StaffLoginOut,
    StaffMailOut,
    StaffMeOut,
    StaffMessageOut,
    StaffOut,
    SuccessOut,
)
from domain.access import forgotten
from domain.access.rights import Right
from domain.kernel.codes import Code
from domain.staff import email_change, list_users, profile, reset, sign_in, users
from web.entry import keep_session, portal_url, sign_in_context
from web.guards import HOUR, MINUTE, count_use, limited, public, staff_auth, staff_only, staff_token_claims
from web.reading import answers, reads, reads_query, refuses
from web.request import current_actor, db, settings

blueprint = Blueprint("staff_accounts", __name__)
tag_blueprint(blueprint, ["staff_accounts"])


@blueprint.post("/api/staff/login")
@public
@limited("staff_sign_in", 10, seconds=MINUTE)
@reads(sign_in.SignIn)
@answers(StaffLoginOut)
@refuses(Code.DEMO_USER_IS_LOCAL, Code.INVALID_CREDENTIALS, Code.SECOND_FACTOR_REQUIRED, Code.SECOND_FACTOR_WRONG)
async def staff_login(data: sign_in.SignIn) -> Any:
    """Sign staff in with a session cookie and a JWT for other domains; needs `totp` if a second factor is set up."""
    await count_use("staff_sign_in", 10, seconds=MINUTE, target=data.username.lower())
    entered = await sign_in.sign_in(db(), data, sign_in_context())
    keep_session(entered)
    return {"staff": entered.staff, "token": entered.jwt}


@blueprint.post("/api/staff/logout")
@staff_only(before_second_factor=True)
@answers(SuccessOut)
async def staff_logout() -> Any:
    """End the session; the JWT presented with it is revoked."""
    await sign_in.sign_out(db(), by=current_actor(), claims=staff_token_claims())
    staff_auth.logout_user()
    return {}


@blueprint.get("/api/staff/me")
@staff_only(before_second_factor=True)
@answers(StaffMeOut)
async def staff_me() -> Any:
    """The signed-in user."""
    return {"staff": await profile.get_profile(db(), by=current_actor())}


@blueprint.post("/api/staff/forgot-password")
@public
@limited("staff_forgot", 20, seconds=HOUR)
@reads(forgotten.ForgotPassword)
@answers(StaffMailOut)
async def staff_forgot_password(data: forgotten.ForgotPassword) -> Any:
    """Email a reset link to the account with this username or email; the answer is always the same."""
    await count_use("staff_forgot_password", 3, seconds=HOUR, target=data.identifier.lower())
    return await reset.request_password_reset(db(), data, portal_url=portal_url(), shows_token=settings().debug_tokens)


@blueprint.post("/api/staff/forgot-username")
@public
@limited("staff_forgot", 20, seconds=HOUR)
@reads(forgotten.ForgotUsername)
@answers(StaffMailOut)
async def staff_forgot_username(data: forgotten.ForgotUsername) -> Any:
    """Email the username that belongs to an email; the answer is always the same."""
    await count_use("staff_forgot_username", 3, seconds=HOUR, target=data.email)
    return await reset.request_username(db(), data, portal_url=portal_url(), shows_it=settings().debug_tokens)


@blueprint.post("/api/staff/reset-password")
@public
@limited("staff_reset", 10, seconds=MINUTE)
@reads(forgotten.ResetPassword)
@answers(StaffMessageOut)
@refuses(Code.INVALID_TOKEN, Code.WEAK_PASSWORD)
async def staff_reset_password(data: forgotten.ResetPassword) -> Any:
    """Set a new password with a single-use emailed token; ends all sessions."""
    await reset.reset_password(db(), data)
    return {"message": "The new password is set. Sign in with it."}


@blueprint.get("/api/staff/profile")
@staff_only(before_second_factor=True)
@answers(StaffOut)
async def staff_profile() -> Any:
    """The user's own staff profile."""
    return await profile.get_profile(db(), by=current_actor())


@blueprint.post("/api/staff/profile/password")
@staff_only(before_second_factor=True)
@limited("staff_password", 10, seconds=MINUTE)
@reads(profile.ChangePassword)
@answers(StaffMessageOut)
@refuses(Code.PASSWORDS_DIFFER, Code.WEAK_PASSWORD, Code.WRONG_PASSWORD)
async def staff_change_password(data: profile.ChangePassword) -> Any:
    """Change the user's own password; ends the other sessions."""
    await profile.change_password(db(), data, by=current_actor())
    return {"message": "The password is changed. Your other sessions have ended."}


@blueprint.put("/api/staff/profile/email")
@staff_only(before_second_factor=True)
@reads(email_change.ChangeEmail)
@answers(StaffEmailOut)
@refuses(Code.EMAIL_TAKEN)
async def staff_change_email(data: email_change.ChangeEmail) -> Any:
    """Change the user's own email, which takes effect by the link sent to it; 409 if a colleague has it."""
    asked = await email_change.ask_for_new_email(db(), data, portal_url=portal_url(), by=current_actor())
    return {"email": data.new_email, "waits_for_link": asked}


@blueprint.get("/api/staff/users")
@staff_only(Right.SEE_STAFF)
@reads_query(list_users.StaffListQuery)
@answers(list[StaffOut])
async def list_staff(query: list_users.StaffListQuery) -> Any:
    """Staff users by username, archived ones left out."""
    return await list_users.list_staff(db(), query)


@blueprint.post("/api/staff/users")
@staff_only(Right.EDIT_STAFF)
@reads(users.CreateStaff)
@answers(StaffOut, status=201)
@refuses(Code.EMAIL_TAKEN, Code.USERNAME_TAKEN, Code.WEAK_PASSWORD)
async def create_staff(data: users.CreateStaff) -> Any:
    """Create a staff user; the default role is `staff`."""
    return await users.create_staff(db(), data, by=current_actor())


@blueprint.put("/api/staff/users/<id:staff_id>")
@staff_only(Right.EDIT_STAFF)
@reads(users.UpdateStaff)
@answers(StaffOut)
@refuses(Code.EMAIL_TAKEN, Code.LAST_ADMIN, Code.WEAK_PASSWORD)
async def update_staff(staff_id: int, data: users.UpdateStaff) -> Any:
    """Update a staff user; a new role, password or deactivation ends their sessions."""
    return await users.update_staff(db(), staff_id, data, by=current_actor())


@blueprint.delete("/api/staff/users/<id:staff_id>")
@staff_only(Right.EDIT_STAFF)
@answers(StaffMessageOut)
@refuses(Code.LAST_ADMIN, Code.OWN_ACCOUNT)
async def delete_staff(staff_id: int) -> Any:
    """Delete a staff user, or archive one who appears in records; you can't delete yourself."""
    return await users.delete_staff(db(), staff_id, by=current_actor())
