"""Production starts with strong secrets only, and names those that are not."""

from typing import Any

import pytest
from pydantic import ValidationError

from settings import Settings

STRONG = "0123456789abcdef0123456789abcdef"
OTHER = STRONG[::-1]
PUBLIC = "https://shop.example"
WEAK = STRONG[:-1]


def in_production(**given: Any) -> Settings:
    strong = {"app_env": "production", "secret_key": STRONG, "data_keys": OTHER, "public_url": PUBLIC}
    return Settings(_env_file=None, **strong | given)


def test_production_starts_with_strong_secrets() -> None:
    keys = f"{STRONG},{STRONG}"
    made = in_production(secret_key=keys, data_keys=OTHER, api_key=STRONG, internal_secret=STRONG, metrics_token=STRONG)
    assert made.is_production


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"secret_key": ""}, "SECRET_KEY"),
        ({"secret_key": WEAK}, "SECRET_KEY"),
        ({"secret_key": f"x,{STRONG}"}, "SECRET_KEY"),
        ({"secret_key": f"{STRONG},{WEAK}"}, "SECRET_KEY"),
        ({"data_keys": ""}, "DATA_KEYS"),
        ({"data_keys": f"{OTHER},{WEAK}"}, "DATA_KEYS"),
        ({"secret_key": "x" * 64}, "SECRET_KEY"),
        ({"data_keys": "ab" * 32}, "DATA_KEYS"),
        ({"secret_key": WEAK, "data_keys": WEAK}, "SECRET_KEY and DATA_KEYS"),
        ({"api_key": WEAK}, "API_KEY"),
        ({"internal_secret": WEAK}, "INTERNAL_SECRET"),
        ({"metrics_token": WEAK}, "METRICS_TOKEN"),
    ],
)
def test_a_weak_secret_is_refused_in_production_and_named(given: dict[str, str], named: str) -> None:
    with pytest.raises(ValidationError, match=f"production needs {named} with at least 32 characters"):
        in_production(**given)


@pytest.mark.parametrize("given", [{"debug_tokens": True}, {"rate_limits": "off"}])
def test_what_is_for_developing_is_refused_in_production(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="production refuses"):
        in_production(**given)


def test_a_comma_too_many_leaves_no_empty_key() -> None:
    assert in_production(secret_key=f" {STRONG}, ,").secret_key == STRONG


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"data_keys": STRONG}, "DATA_KEYS that are not SECRET_KEY"),
        ({"data_keys": f"{OTHER},{STRONG}"}, "DATA_KEYS that are not SECRET_KEY"),
        ({"trusted_proxies": "0.0.0.0/0"}, "TRUSTED_PROXIES"),
        ({"trusted_proxies": "10.0.0.0/8,::/0"}, "TRUSTED_PROXIES"),
        ({"public_url": "http://shop.example"}, "PUBLIC_URL"),
        ({"public_url": "https://127.0.0.1"}, "PUBLIC_URL"),
        ({"public_url": "https://localhost:8000"}, "PUBLIC_URL"),
        ({"public_url": "https://[::1]"}, "PUBLIC_URL"),
        ({"storefront_url": "http://shop.example"}, "STOREFRONT_URL"),
    ],
)
def test_production_refuses_what_only_looks_set(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        in_production(**given)


def test_production_needs_a_public_address() -> None:
    with pytest.raises(ValidationError, match="PUBLIC_URL"):
        Settings(_env_file=None, app_env="production", secret_key=STRONG, data_keys=[OTHER])


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_common_word_for_a_database_is_read(scheme: str) -> None:
    made = Settings(_env_file=None, database_url=f"{scheme}://u:p@db.example/ladle?sslmode=require")
    assert made.database_url == "postgresql+asyncpg://u:p@db.example/ladle?ssl=require"


@pytest.mark.parametrize(
    "given",
    [
        {"database_url": "mysql://db.example/ladle"},
        {"public_url": "shop.example"},
        {"cors_origins": "https://shop.example/"},
        {"cors_origins": "*"},
        {"stripe_api_base": "ftp://stripe.example"},
        {"trusted_proxies": "proxy"},
    ],
)
def test_a_setting_is_read_as_what_it_is(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(given))):
        Settings(_env_file=None, **given)
