"""Google sign-in by OpenID Connect: discovery, the authorization code with PKCE, and a verified id token.

Any provider with this protocol works; its statements count only if they are signed for us with its own key.
"""

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import jwt

from integrations.errors import ServiceFailed, ServiceRefused
from integrations.http import open_client, read_json_object

TIMEOUT_SECONDS = 10
KEPT_SECONDS = 3600
# A token signed with an unknown key makes us fetch the keys again, but not for every such token.
LEAST_SECONDS_BETWEEN_KEYS = 30
LEEWAY_SECONDS = 60
ALGORITHMS = ["RS256", "ES256"]
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class GoogleApp:
    """Our registration with the provider; `redirect_uri` is the one registered there."""

    client_id: str
    client_secret: str = field(repr=False)
    issuer: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class GoogleIdentity:
    """The identity according to the provider; `is_email_verified` only if it says so explicitly."""

    subject: str
    email: str
    is_email_verified: bool
    first_name: str
    last_name: str


@dataclass(slots=True)
class _Provider:
    document: dict[str, Any]
    read_at: float
    keys: list[jwt.PyJWK] = field(default_factory=list)
    keys_read_at: float = 0.0


_providers: dict[str, _Provider] = {}


async def build_sign_in_url(app: GoogleApp, *, state: str, nonce: str, challenge: str) -> str:
    """Return the provider's address to redirect the browser to. Raises ServiceFailed if it can't be determined."""
    provider = await _discover(app)
    query = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "scope": "openid email profile",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "prompt": "select_account",
    }
    endpoint: str = provider.document["authorization_endpoint"]
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"


async def fetch_identity(app: GoogleApp, *, code: str, verifier: str, nonce: str) -> GoogleIdentity:
    """Exchange the code of a finished sign-in for the identity.

    Raises ServiceRefused for an invalid code or id token, ServiceFailed if the provider does not answer.
    """
    provider = await _discover(app)
    answer = await _call(
        "POST",
        provider.document["token_endpoint"],
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": app.redirect_uri,
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "code_verifier": verifier,
        },
    )
    body = _read_object(answer)
    if answer.status_code in {400, 401, 403}:
        raise ServiceRefused(f"Google refused the sign-in: {str(body.get('error') or answer.status_code)[:60]}")
    token = body.get("id_token")
    if not answer.is_success or not isinstance(token, str):
        raise ServiceFailed(f"Google answered {answer.status_code} without an id token.")
    return _read_identity(await _verify(app, provider, token, nonce))


async def _discover(app: GoogleApp) -> _Provider:
    issuer = app.issuer.rstrip("/")
    known = _providers.get(issuer)
    if known is not None and time.monotonic() - known.read_at < KEPT_SECONDS:
        return known
    answer = await _call("GET", f"{issuer}/.well-known/openid-configuration")
    document = _read_object(answer)
    if not answer.is_success or str(document.get("issuer", "")).rstrip("/") != issuer:
        raise ServiceFailed(f"The configuration of {issuer} could not be read.")
    for name in ENDPOINTS:
        if not _is_safe(document.get(name)):
            raise ServiceFailed(f"The configuration of {issuer} has no safe {name}.")
    _providers[issuer] = _Provider(document, time.monotonic())
    return _providers[issuer]


def _is_safe(address: object) -> bool:
    """True for an encrypted address, or one on this machine."""
    if not isinstance(address, str):
        return False
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in {"127.0.0.1", "::1", "localhost"}


async def _verify(app: GoogleApp, provider: _Provider, token: str, nonce: str) -> dict[str, Any]:
    """Return the claims of an id token that the provider has signed for us and for this sign-in."""
    try:
        header = jwt.get_unverified_header(token)
        key = await _find_key(provider, header.get("kid"))
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=app.client_id,
            issuer=provider.document["issuer"],
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except jwt.PyJWTError as error:
        raise ServiceRefused(f"Google's id token is not valid: {type(error).__name__}.") from error
    if claims.get("nonce") != nonce:
        raise ServiceRefused("Google's id token belongs to another sign-in.")
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != app.client_id:
        raise ServiceRefused("Google's id token was made for another program.")
    return claims


async def _find_key(provider: _Provider, key_id: str | None) -> jwt.PyJWK:
    """Return the provider's key with this id; its keys are fetched again if the id is unknown."""
    key = _choose_key(provider, key_id)
    age = time.monotonic() - provider.keys_read_at
    if key is None and (not provider.keys or age > LEAST_SECONDS_BETWEEN_KEYS):
        body = _read_object(await _call("GET", provider.document["jwks_uri"]))
        try:
            provider.keys = list(jwt.PyJWKSet.from_dict(body))
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise ServiceFailed("Google's keys could not be read.") from error
        provider.keys_read_at = time.monotonic()
        key = _choose_key(provider, key_id)
    if key is None:
        raise ServiceRefused("Google's id token is signed by a key that Google does not have.")
    return key


def _choose_key(provider: _Provider, key_id: str | None) -> jwt.PyJWK | None:
    if key_id is None:
        return provider.keys[0] if len(provider.keys) == 1 else None
    return next((key for key in provider.keys if key.key_id == key_id), None)


def _read_identity(claims: dict[str, Any]) -> GoogleIdentity:
    return GoogleIdentity(
        subject=str(claims["sub"]),
        email=str(claims.get("email") or ""),
        is_email_verified=claims.get("email_verified") is True,
        first_name=str(claims.get("given_name") or claims.get("name") or "")[:60],
        last_name=str(claims.get("family_name") or "")[:60],
    )


async def _call(method: str, url: str, **more: Any) -> httpx2.Response:
    try:
        async with open_client(timeout_seconds=TIMEOUT_SECONDS) as http:
            return await http.request(method, url, headers={"Accept": "application/json"}, **more)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise ServiceFailed(f"Google could not be reached: {type(error).__name__}.") from error


def _read_object(answer: httpx2.Response) -> dict[str, Any]:
    body = read_json_object(answer)
    if body is None:
        raise ServiceFailed(f"Google answered {answer.status_code} with something that is not JSON.")
    return body
