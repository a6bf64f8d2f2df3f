"""The only reader of the environment: a frozen Settings, parsed once, whose errors name the setting."""

import ipaddress
import re
import secrets
import sys
import tomllib
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

WEAK_SECRET_LENGTH = 32
# A key of a few repeated letters can be guessed regardless of its length.
FEWEST_LETTERS = 8
URLS = (
    "public_url", "storefront_url", "stripe_api_base", "easypost_api_base", "twilio_api_base", "r2_public_url",
    "r2_endpoint_url", "llm_base_url", "elevenlabs_api_base", "google_issuer", "discord_warehouse_webhook",
    "discord_sourcing_webhook",
)  # fmt: skip
_PROJECT = Path(__file__).with_name("pyproject.toml")
_POSTGRES = re.compile(r"postgres(?:ql)?(?:\+asyncpg)?://", re.IGNORECASE)


def program_version() -> str:
    """The version in pyproject.toml."""
    return str(tomllib.loads(_PROJECT.read_text())["project"]["version"])


class SettingsError(Exception):
    """A setting is missing or bad; the message is one sentence naming it."""


LAST_PORT = 65_535


class Settings(BaseSettings):
    """All settings; `.env.example` lists their names and meanings."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    app_env: Literal["development", "production"] = "development"
    database_url: str = ""
    read_database_url: str = ""
    data_dir: Path = Path("var")
    pg_bin: Path | None = None
    database_pool: int = Field(10, ge=1, le=200)
    drain_seconds: float | None = Field(None, ge=0, le=120)
    wait_for_schema_seconds: float = Field(0, ge=0, le=3600)
    secret_key: str = ""
    data_keys: Annotated[list[str], NoDecode] = []

    metrics_token: str = ""
    worker_metrics: str = ""
    sentry_dsn: str = ""
    otel_exporter_otlp_endpoint: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    trusted_proxies: Annotated[list[str], NoDecode] = []
    rate_limits: Literal["on", "off"] = "on"
    password_min_length: int = Field(6, ge=6, le=64)
    require_admin_totp: bool = False
    debug_tokens: bool = False
    sandbox: bool = False

    free_delivery_minimum: Decimal = Field(Decimal("300.00"), ge=0, max_digits=12, decimal_places=2)
    delivery_fee: Decimal = Field(Decimal("25.00"), ge=0, max_digits=12, decimal_places=2)
    rep_max_discount_pct: Decimal = Field(Decimal(15), ge=0, le=100)
    calling_min: float = Field(0, ge=0, le=100)
    calling_max: float = Field(100, ge=0, le=100)
    warehouse_address: str = ""
    warehouse_phone: str = ""
    commission_pct: Decimal = Field(Decimal(0), ge=0, le=50, decimal_places=2)
    voice_cost_per_minute: Decimal = Field(Decimal("0.00"), ge=0, max_digits=12, decimal_places=2)

    public_url: str = "http://127.0.0.1:8000"
    storefront_url: str = ""
    cors_origins: Annotated[list[str], NoDecode] = []
    business_timezone: str = "America/Chicago"
    company_name: str = "Ladle & Lid"
    company_address: str = "400 Harbor Street, Chicago, IL 60607"
    company_phone: str = ""

    internal_secret: str = ""
    api_key: str = ""
    stripe_secret_key: str = ""
    stripe_publishable_key: str = ""
    stripe_webhook_secret: str = ""
    stripe_api_base: str = ""
    easypost_api_key: str = ""
    easypost_webhook_secret: str = ""
    easypost_api_base: str = ""
    twilio_account_sid: str = ""
    twilio_auth_token: str = ""
    twilio_from: str = ""
    twilio_api_base: str = "https://api.twilio.com"
    smtp_host: str = ""
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_from: str = ""
    sales_inbox: str = ""
    discord_warehouse_webhook: str = ""
    discord_sourcing_webhook: str = ""
    r2_account_id: str = ""
    r2_access_key_id: str = ""
    r2_secret_access_key: str = ""
    r2_bucket_name: str = ""
    r2_public_url: str = ""
    r2_endpoint_url: str = ""
    llm_api_key: str = ""
    llm_base_url: str = ""
    llm_model: str = ""
    llm_input_price: Decimal = Field(Decimal(0), ge=0, le=10_000)
    llm_output_price: Decimal = Field(Decimal(0), ge=0, le=10_000)
    elevenlabs_webhook_secret: str = ""
    elevenlabs_api_key: str = ""
    elevenlabs_api_base: str = "https://api.elevenlabs.io"
    google_client_id: str = ""
    google_client_secret: str = ""
    google_issuer: str = "https://accounts.google.com"

    @field_validator("data_keys", "trusted_proxies", "cors_origins", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("secret_key")
    @classmethod
    def _drop_empty_keys(cls, value: str) -> str:
        return ",".join(key.strip() for key in value.split(",") if key.strip())

    @field_validator("database_url", "read_database_url")
    @classmethod
    def _read_database_url(cls, value: str) -> str:
        if not value:
            return value
        if not _POSTGRES.match(value):
            raise ValueError("must be the address of a PostgreSQL, like postgresql://user:password@host/database")
        address = _POSTGRES.sub("postgresql+asyncpg://", value, count=1)
        # libpq's name for asyncpg's ssl.
        return re.sub(r"([?&])sslmode=", r"\1ssl=", address)

    @field_validator(*URLS)
    @classmethod
    def _check_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and not (parts.scheme in {"http", "https"} and parts.hostname and not set(value) & set(' \\<>"')):
            raise ValueError("must be a URL that begins with https:// (or http://)")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, value: list[str]) -> list[str]:
        for origin in value:
            parts = urlsplit(origin)
            if (
                parts.scheme not in {"http", "https"}
                or not parts.netloc
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(f"{origin} is no origin, like https://shop.example")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, value: list[str]) -> list[str]:
        for network in value:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError as error:
                raise ValueError(f"{network} is no address or network, like 10.0.0.0/8") from error
        return value

    @field_validator("worker_metrics")
    @classmethod
    def _check_address(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value and not (host and port.isdigit() and 0 < int(port) <= LAST_PORT):
            raise ValueError("must be an address to listen on, like 0.0.0.0:9100")
        return value

    @field_validator("business_timezone")
    @classmethod
    def _check_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError) as error:
            raise ValueError("is not the name of a time zone, such as America/Chicago") from error
        return value

    @model_validator(mode="after")
    def _check_production(self) -> "Settings":
        if self.app_env == "production":
            missing = [
                name
                for name, weak in (
                    ("SECRET_KEY", _is_weak(*self.secret_key.split(","))),
                    ("DATA_KEYS", not self.data_keys or _is_weak(*self.data_keys)),
                    # If unset, no one is let in; if short, anyone could guess it.
                    ("API_KEY", bool(self.api_key) and _is_weak(self.api_key)),
                    ("INTERNAL_SECRET", bool(self.internal_secret) and _is_weak(self.internal_secret)),
                    ("METRICS_TOKEN", bool(self.metrics_token) and _is_weak(self.metrics_token)),
                )
                if weak
            ]
            if missing:
                raise ValueError(
                    f"production needs {' and '.join(missing)} with at least {WEAK_SECRET_LENGTH} characters"
                    f", {FEWEST_LETTERS} of them different"
                )
            if set(self.secret_key.split(",")) & set(self.data_keys):
                raise ValueError("production needs DATA_KEYS that are not SECRET_KEY")
            if any(ipaddress.ip_network(network, strict=False).prefixlen == 0 for network in self.trusted_proxies):
                raise ValueError("production refuses TRUSTED_PROXIES that name every address")
            if "public_url" not in self.model_fields_set or not _is_public_https(self.public_url):
                raise ValueError("production needs PUBLIC_URL: the https address that customers and staff reach")
            if self.storefront_url and not _is_public_https(self.storefront_url):
                raise ValueError("production needs an https address in STOREFRONT_URL")
            if self.debug_tokens:
                raise ValueError("production refuses DEBUG_TOKENS")
            if self.sandbox:
                raise ValueError("production refuses SANDBOX")
            if self.rate_limits == "off":
                raise ValueError("production refuses RATE_LIMITS=off")
        return self

    @property
    def is_production(self) -> bool:
        """True with APP_ENV=production."""
        return self.app_env == "production"

    @property
    def company_domain(self) -> str:
        """The domain of the company's own email, which no customer can use; empty if no sender is set."""
        return self.smtp_from.rpartition("@")[2].strip("> ")

    @property
    def drain_for(self) -> float:
        """Seconds for which a stopping server still answers: 5 in production, 0 in development."""
        if self.drain_seconds is not None:
            return self.drain_seconds
        return 5.0 if self.is_production else 0.0

    @cached_property
    def timezone(self) -> ZoneInfo:
        """The business's time zone, which determines "today" and months."""
        return ZoneInfo(self.business_timezone)

    def with_kept_secrets(self) -> "Settings":
        """In development, fill SECRET_KEY and DATA_KEYS from files in DATA_DIR, created once and readable only by
        us."""
        if self.secret_key and self.data_keys:
            return self
        return self.model_copy(
            update={
                "secret_key": self.secret_key or _kept_secret(self.data_dir / "secret_key"),
                "data_keys": self.data_keys or [_kept_secret(self.data_dir / "data_key")],
            }
        )


def _is_weak(*keys: str) -> bool:
    return any(len(key) < WEAK_SECRET_LENGTH or len(set(key)) < FEWEST_LETTERS for key in keys)


def _is_public_https(address: str) -> bool:
    """True for an https URL of a host that others can reach."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme != "https" or not host or host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return True
    return not (found.is_loopback or found.is_unspecified or found.is_link_local)


def _kept_secret(path: Path) -> str:
    """Read the secret in `path`, creating it first if needed; processes that start at the same time agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48))
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """Parse the environment and `.env` once; raises SettingsError naming every bad setting."""
    try:
        return Settings().with_kept_secrets()
    except ValidationError as error:
        problems = []
        for problem in error.errors():
            name = ".".join(str(part) for part in problem["loc"]).upper()
            text = problem["msg"].removeprefix("Value error, ")
            problems.append(f"{name}: {text}" if name else text)
        raise SettingsError("Bad settings: " + "; ".join(problems)) from error
    except OSError as error:
        raise SettingsError(f"DATA_DIR can't be used: {error.strerror} ({error.filename})") from error


def load_settings_or_exit() -> Settings:
    """Like `load_settings`, but a bad setting ends the program with an error message."""
    try:
        return load_settings()
    except SettingsError as error:
        sys.exit(str(error))
