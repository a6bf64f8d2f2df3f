"""Customer accounts: registration, sign-in, verification, forgotten passwords, and the customer's own profile."""

from typing import Any

from quart import Blueprint, redirect, request
from quart_auth import Action, AuthUser
from quart_schema import tag_blueprint
from werkzeug.wrappers import Response as PlainResponse

from api.schemas.accounts import (
    AccountMailOut,
    AccountMessageOut,
    CheckoutAccountOut,
    CustomerLoginOut,
    OwnAccountOut,
    PhoneCodeOut,
    PhoneSessionOut,
    RegisteredOut,
    UsernameOut,
)
from domain.access import forgotten
from domain.access.email_change import EmailLink
from domain.customers import email_change, google, password_reset, phone_codes, profile, sign_in, verification
from domain.customers import register as opening
from domain.kernel.codes import Code
from integrations.google_client import GoogleApp
from web.guards import HOUR, MINUTE, count_use, customer_auth, customer_only, limited, public, public_or_customer
from web.reading import answers, answers_file, answers_nothing, reads, reads_query, refuses
from web.request import current_actor, db, is_loopback, peer_address, settings, shop_url

blueprint = Blueprint("storefront_accounts", __name__)
tag_blueprint(blueprint, ["accounts"])

GOOGLE_COOKIE = "ladle_google"
GOOGLE_PATH = "/api/auth/google"


@blueprint.post("/api/auth/register")
@public
@limited("registration", 10, seconds=HOUR)
@reads(opening.RegisterCustomer)
@answers(RegisteredOut, status=201)
@refuses(Code.EMAIL_TAKEN, Code.PHONE_TAKEN, Code.USERNAME_TAKEN, Code.WEAK_PASSWORD)
async def register(data: opening.RegisterCustomer) -> Any:
    """Register with an email or a phone, which must be verified before signing in."""
    return await opening.register_customer(db(), data, rules=account_rules())


@blueprint.post("/api/orders/create-account")
@public
@limited("registration", 10, seconds=HOUR)
@reads(opening.CreateAccountAtCheckout)
@answers(CheckoutAccountOut, status=201)
@refuses(Code.EMAIL_TAKEN, Code.PHONE_TAKEN, Code.USERNAME_TAKEN, Code.WEAK_PASSWORD)
async def create_account_at_checkout(data: opening.CreateAccountAtCheckout) -> Any:
    """Turn a guest into a registered customer; the email is the username. The order is linked once it is verified."""
    return await opening.create_account_at_checkout(db(), data, rules=account_rules())


@blueprint.post("/api/auth/login")
@public
@limited("sign_in", 10, seconds=MINUTE)
@reads(sign_in.SignIn)
@answers(CustomerLoginOut)
@refuses(
    Code.DEMO_USER_IS_LOCAL,
    Code.EMAIL_VERIFICATION_REQUIRED,
    Code.INVALID_CREDENTIALS,
    Code.PHONE_VERIFICATION_REQUIRED,
)
async def login(data: sign_in.SignIn) -> Any:
    """Sign a customer in with a session cookie; 403 until the email is verified."""
    await count_use("sign_in", 10, seconds=MINUTE, target=data.username.lower())
    entered = await sign_in.sign_in(db(), data, sign_in_context())
    keep_session(entered)
    return {"message": "You are signed in.", "user": entered.user}


@blueprint.post("/api/auth/logout")
@public_or_customer
@reads_query(sign_in.SignOut)
@answers(AccountMessageOut)
async def logout(query: sign_in.SignOut) -> Any:
    """End this session, or with `everywhere` all sessions of the account."""
    await sign_in.sign_out(db(), query, by=current_actor())
    customer_auth.logout_user()
    return {"message": "You are signed out."}


@blueprint.get("/api/auth/me")
@customer_only
@answers(OwnAccountOut)
async def me() -> Any:
    """The signed-in customer's profile."""
    return {"user": await profile.get_own_profile(db(), by=current_actor())}


@blueprint.post("/api/auth/verify-email")
@public
@limited("verify_email", 10, seconds=MINUTE)
@reads(verification.VerifyEmail)
@answers(CustomerLoginOut)
@refuses(Code.EMAIL_TAKEN, Code.INVALID_TOKEN, Code.USERNAME_TAKEN)
async def verify_email(data: verification.VerifyEmail) -> Any:
    """Verify an email with the single-use token of the emailed link; guest orders with this email are linked.

    A changed email takes effect now."""
    user = await verification.verify_email(db(), data, shop_url=shop_url())
    return {"message": "Your email is confirmed. You can sign in now.", "user": user}


@blueprint.post("/api/auth/undo-email-change")
@public
@limited("undo_email_change", 10, seconds=MINUTE)
@reads(EmailLink)
@answers(CustomerLoginOut)
@refuses(Code.EMAIL_TAKEN, Code.INVALID_TOKEN, Code.USERNAME_TAKEN)
async def undo_email_change(data: EmailLink) -> Any:
    """Restore the account's old email with the token sent to that address; ends all sessions."""
    user = await email_change.undo_email_change(db(), data)
    return {"message": "Your email was restored, and everybody is signed out.", "user": user}


@blueprint.post("/api/auth/resend-verification")
@public
@limited("account_messages", 20, seconds=HOUR)
@reads(verification.ResendVerification)
@answers(AccountMailOut)
async def resend_verification(data: verification.ResendVerification) -> Any:
    """Email the verification link again; the answer is always the same."""
    await count_use("resend_verification", 3, seconds=HOUR, target=data.email.lower())
    return await verification.resend_verification(db(), data, shop_url=shop_url(), shows_token=settings().debug_tokens)


@blueprint.post("/api/auth/change-password")
@customer_only
@limited("change_password", 10, seconds=MINUTE)
@reads(profile.ChangePassword)
@answers(AccountMessageOut)
@refuses(Code.WEAK_PASSWORD, Code.WRONG_PASSWORD)
async def change_password(data: profile.ChangePassword) -> Any:
    """Change the customer's own password; ends the other sessions and sends a notice by email."""
    await profile.change_password(db(), data, by=current_actor())
    return {"message": "The password is changed. Your other sessions have ended."}


@blueprint.post("/api/auth/forgot-password")
@public
@limited("account_messages", 20, seconds=HOUR)
@reads(forgotten.ForgotPassword)
@answers(AccountMailOut)
async def forgot_password(data: forgotten.ForgotPassword) -> Any:
    """Email a reset link to the account with this username or email; the answer is always the same."""
    await count_use("forgot_password", 3, seconds=HOUR, target=data.identifier.lower())
    return await password_reset.forgot_password(db(), data, shop_url=shop_url(), shows_token=settings().debug_tokens)


@blueprint.post("/api/auth/forgot-username")
@public
@limited("account_messages", 20, seconds=HOUR)
@reads(forgotten.ForgotUsername)
@answers(AccountMailOut)
async def forgot_username(data: forgotten.ForgotUsername) -> Any:
    """Email the username that belongs to an email; the answer is always the same."""
    await count_use("forgot_username", 3, seconds=HOUR, target=data.email)
    return await password_reset.forgot_username(db(), data, shop_url=shop_url())


@blueprint.post("/api/auth/reset-password")
@public
@limited("reset_password", 10, seconds=MINUTE)
@reads(forgotten.ResetPassword)
@answers(AccountMessageOut)
@refuses(Code.INVALID_TOKEN, Code.WEAK_PASSWORD)
async def reset_password(data: forgotten.ResetPassword) -> Any:
    """Set a new password with a single-use emailed token; ends all sessions."""
    await password_reset.reset_password(db(), data)
    return {"message": "The new password is set. Sign in with it."}


@blueprint.post("/api/auth/phone/send-code")
@public
@limited("account_messages", 20, seconds=HOUR)
@reads(phone_codes.SendPhoneCode)
@answers(PhoneCodeOut)
async def send_phone_code(data: phone_codes.SendPhoneCode) -> Any:
    """Text a six-digit code to a customer's phone; the answer is the same for an unknown phone."""
    await count_use("phone_code", 3, seconds=HOUR, target=phone_codes.read_phone(data.phone))
    return await phone_codes.send_phone_code(
        db(), data, secret_key=settings().secret_key, shows_code=settings().debug_tokens
    )


@blueprint.post("/api/auth/phone/verify-code")
@public_or_customer
@limited("verify_phone_code", 20, seconds=MINUTE)
@reads(phone_codes.VerifyPhoneCode)
@answers(PhoneSessionOut)
@refuses(Code.INVALID_CODE)
async def verify_phone_code(data: phone_codes.VerifyPhoneCode) -> Any:
    """Exchange phone and code for a single-use phone session token; the code is invalid after five attempts."""
    return await phone_codes.verify_phone_code(db(), data, secret_key=settings().secret_key, by=current_actor())


@blueprint.post("/api/auth/phone/username")
@public
@limited("phone_session", 10, seconds=MINUTE)
@reads(password_reset.PhoneUsername)
@answers(UsernameOut)
@refuses(Code.INVALID_TOKEN)
async def phone_username(data: password_reset.PhoneUsername) -> Any:
    """The masked username of a phone session token; uses up the token."""
    return {"username": await password_reset.phone_username(db(), data)}


@blueprint.post("/api/auth/phone/reset-password")
@public
@limited("phone_session", 10, seconds=MINUTE)
@reads(password_reset.PhoneResetPassword)
@answers(AccountMessageOut)
@refuses(Code.INVALID_TOKEN, Code.WEAK_PASSWORD)
async def phone_reset_password(data: password_reset.PhoneResetPassword) -> Any:
    """Set a new password with a phone session token; uses up the token and ends all sessions."""
    await password_reset.phone_reset_password(db(), data)
    return {"message": "The new password is set. Sign in with it."}


@blueprint.get(GOOGLE_PATH)
@public
@limited("google", 30, seconds=MINUTE)
@answers_file(status=302)
@refuses(Code.NOT_CONFIGURED, Code.OUTSIDE_SERVICE_FAILED)
async def start_google_sign_in() -> PlainResponse:
    """Redirect the browser to Google, which redirects to the callback."""
    way = await google.start_google_sign_in(google_app(), secret_key=settings().secret_key)
    response = redirect(way.url)
    response.set_cookie(
        GOOGLE_COOKIE,
        way.cookie,
        max_age=google.WAY_SECONDS,
        path=GOOGLE_PATH,
        httponly=True,
        secure=settings().is_production,
        samesite="Lax",
    )
    return response


@blueprint.get(f"{GOOGLE_PATH}/callback")
@public
@limited("google", 30, seconds=MINUTE)
@reads_query(google.GoogleReturn)
@answers_file(status=302)
@refuses(
    Code.ACCOUNT_CLOSED,
    Code.DEMO_USER_IS_LOCAL,
    Code.EMAIL_VERIFICATION_REQUIRED,
    Code.GOOGLE_EMAIL_MISSING,
    Code.GOOGLE_EMAIL_NOT_VERIFIED,
    Code.GOOGLE_REFUSED,
    Code.NOT_CONFIGURED,
    Code.OTHER_GOOGLE_USER,
    Code.OUTSIDE_SERVICE_FAILED,
    Code.USERNAME_TAKEN,
)
async def finish_google_sign_in(query: google.GoogleReturn) -> PlainResponse:
    """Sign in the user that Google returns and redirect to the shop; a new customer gets an account."""
    entered = await google.finish_google_sign_in(
        db(),
        query,
        cookie=request.cookies.get(GOOGLE_COOKIE, ""),
        app=google_app(),
        secret_key=settings().secret_key,
        context=sign_in_context(),
    )
    keep_session(entered)
    response = redirect(f"{shop_url()}/")
    response.delete_cookie(GOOGLE_COOKIE, path=GOOGLE_PATH)
    return response


@blueprint.get("/api/users")
@customer_only
@answers(OwnAccountOut)
async def list_own_user() -> Any:
    """The signed-in customer's own record, never a list of others."""
    return {"user": await profile.get_own_profile(db(), by=current_actor())}


@blueprint.get("/api/users/<id:user_id>")
@customer_only
@answers(OwnAccountOut)
@refuses(Code.NOT_YOUR_ACCOUNT)
async def get_user(user_id: int) -> Any:
    """The customer's own profile by id; 403 for any other id."""
    return {"user": await profile.get_own_profile(db(), by=current_actor(), customer_id=user_id)}


@blueprint.put("/api/users/<id:user_id>")
@customer_only
@reads(profile.UpdateProfile)
@answers(OwnAccountOut)
@refuses(Code.EMAIL_TAKEN, Code.NOT_YOUR_ACCOUNT, Code.PHONE_TAKEN, Code.TOO_MANY_REQUESTS)
async def update_user(user_id: int, data: profile.UpdateProfile) -> Any:
    """Update the customer's own profile; a new email is shown as not verified and takes effect by the link sent to
    it."""
    user = await profile.update_profile(db(), user_id, data, shop_url=shop_url(), by=current_actor())
    return {"user": user}


@blueprint.delete("/api/users/<id:user_id>")
@customer_only
@answers_nothing
@refuses(Code.HAS_BALANCE, Code.HAS_CREDIT, Code.HAS_PAYMENT, Code.HAS_SUBSCRIPTION, Code.NOT_YOUR_ACCOUNT)
async def delete_user(user_id: int) -> None:
    """Delete the customer's own account; its orders are kept, unlinked."""
    await profile.delete_account(db(), user_id, by=current_actor())
    customer_auth.logout_user()


def sign_in_context() -> sign_in.SignInContext:
    """The origin of the current request, as sign-in needs it."""
    browser, session_token = request.headers.get("User-Agent", ""), customer_auth.load_user().auth_id
    return sign_in.SignInContext(peer_address(), browser, is_loopback(), session_token)


def keep_session(entered: sign_in.SignedIn) -> None:
    """Set the session cookie on this answer."""
    customer_auth.login_user(AuthUser(entered.session_token, Action.WRITE_PERMANENT))


def account_rules() -> opening.AccountRules:
    """The settings that apply to accounts."""
    now = settings()
    return opening.AccountRules(shop_url(), now.secret_key, now.debug_tokens)


def google_app() -> GoogleApp:
    """Our client registration at Google."""
    now = settings()
    return GoogleApp(
        now.google_client_id,
        now.google_client_secret,
        now.google_issuer,
        f"{now.public_url.rstrip('/')}{GOOGLE_PATH}/callback",
    )
