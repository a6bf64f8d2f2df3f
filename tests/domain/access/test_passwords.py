"""Passwords are hashed by today's settings, checked in the same time for nobody, and not too common."""

import json
from time import perf_counter

import pytest
from argon2 import PasswordHasher, extract_parameters

from domain.access import passwords
from domain.access.passwords import NewPasswordIn, hash_password, needs_rehash, verify_password
from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import Input, PhoneIn, read_json
from domain.kernel.phone import NOT_A_PHONE


async def test_a_password_is_verified_by_its_hash() -> None:
    kept = await hash_password("correct horse")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await verify_password(kept, "correct horse")
    assert not await verify_password(kept, "correct horsf")
    assert not needs_rehash(kept)


async def test_the_same_letters_typed_on_another_keyboard_are_the_same_password() -> None:
    assert await verify_password(await hash_password("cafe\u0301-bar"), "caf\u00e9-bar")


async def test_without_an_account_the_check_is_as_much_work_and_false() -> None:
    kept = await hash_password("correct horse")
    assert extract_parameters(passwords._NOBODYS_HASH) == extract_parameters(kept)
    assert not await verify_password(None, "correct horse")
    start = perf_counter()
    await verify_password(kept, "wrong horse")
    real = perf_counter() - start
    start = perf_counter()
    await verify_password(None, "wrong horse")
    assert perf_counter() - start > real / 5


async def test_a_broken_hash_or_an_endless_password_is_false() -> None:
    kept = await hash_password("x" * 200)
    assert await verify_password(kept, "x" * 200)
    assert not await verify_password(kept, "x" * 201)
    assert not await verify_password(kept, "x" * 1_000_000)
    assert not await verify_password("not a hash", "x")


def test_a_hash_by_weaker_settings_is_made_again() -> None:
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash("x"))


class SetPassword(Input):
    new_password: NewPasswordIn
    phone: PhoneIn | None = None


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("short", "must be at least 6 characters"),
        ("x" * 201, "must be at most 200 characters"),
        ("password", "is one of the most common passwords and easy to guess; choose another"),
        ("PassWord", "is one of the most common passwords and easy to guess; choose another"),
        ("123456", "is one of the most common passwords and easy to guess; choose another"),
    ],
)
def test_a_weak_password_is_refused_at_its_field(password: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_json(SetPassword, json.dumps({"new_password": password}).encode())
    assert refusal.value.fields == {"new_password": sentence}
    assert refusal.value.code == "weak_password"


def test_a_weak_password_is_named_beside_every_other_bad_field() -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_json(SetPassword, b'{"new_password": "short", "phone": "12"}', least_password=8)
    assert refusal.value.fields == {"new_password": "must be at least 8 characters", "phone": NOT_A_PHONE}
    assert refusal.value.code == "invalid_input"


def test_good_and_long_passwords_pass() -> None:
    for good in ("demo-demo", "x" * 64):
        assert read_json(SetPassword, json.dumps({"new_password": good}).encode()).new_password == good
    assert len(passwords._read_common_passwords()) == 3000
