"""Production starts with strong secrets only, and names those that are not."""

from typing import Any

import pytest
from pydantic import ValidationError

from settings import Settings

STRONG = "0123456789abcdef0123456789abcdef"
WEAK = STRONG[:-1]


def in_production(**given: Any) -> Settings:
    strong = {"app_env": "production", "secret_key": STRONG, "data_keys": STRONG}
    return Settings(_env_file=None, **strong | given)


def test_production_starts_with_strong_secrets() -> None:
    keys = f"{STRONG},{STRONG}"
    made = in_production(secret_key=keys, data_keys=keys, api_key=STRONG, internal_secret=STRONG, metrics_token=STRONG)
    assert made.is_production


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"secret_key": ""}, "SECRET_KEY"),
        ({"secret_key": WEAK}, "SECRET_KEY"),
        ({"secret_key": f"x,{STRONG}"}, "SECRET_KEY"),
        ({"secret_key": f"{STRONG},{WEAK}"}, "SECRET_KEY"),
        ({"data_keys": ""}, "DATA_KEYS"),
        ({"data_keys": f"{STRONG},{WEAK}"}, "DATA_KEYS"),
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
