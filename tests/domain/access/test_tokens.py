"""Secrets are random, kept as hashes, and names are hidden as promised."""

import hashlib
import re

import pytest

from domain.access.tokens import (
    hash_code,
    hash_token,
    initials,
    is_same_secret,
    mask_username,
    new_code,
    new_order_number,
    new_token,
)


def test_tokens_carry_32_random_bytes() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_a_token_is_kept_as_its_sha256() -> None:
    assert hash_token("abc") == hashlib.sha256(b"abc").hexdigest()


def test_codes_have_six_digits() -> None:
    assert all(re.fullmatch(r"[0-9]{6}", new_code()) for _ in range(1000))


def test_a_kept_code_depends_on_the_key_and_the_purpose() -> None:
    kept = hash_code("123456", key="k", purpose="phone:+12165550148")
    assert kept == hash_code("123456", key="k", purpose="phone:+12165550148")
    assert kept != hash_code("123456", key="k", purpose="phone:+12165550149")
    assert kept != hash_code("123456", key="other", purpose="phone:+12165550148")


def test_order_numbers_are_short_and_easy_to_read_aloud() -> None:
    numbers = {new_order_number() for _ in range(5000)}
    assert len(numbers) == 5000
    pattern = r"LLD-[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}"
    assert all(re.fullmatch(pattern, number) for number in numbers)


def test_secrets_are_compared_whatever_they_hold() -> None:
    assert is_same_secret("é", "é")
    assert not is_same_secret("é", "e")
    assert not is_same_secret("", "e")


@pytest.mark.parametrize(
    ("username", "masked"),
    [("bistro", "b****o"), ("abc", "a*c"), ("ab", "a*"), ("a", "*"), ("", "")],
)
def test_a_username_keeps_its_first_and_last_character(username: str, masked: str) -> None:
    assert mask_username(username) == masked


def test_a_name_becomes_initials() -> None:
    assert initials("Old Mill Tavern") == "O. M. T."
    assert initials("  ömer   ") == "Ö."
    assert initials("") == ""
