"""Encrypted values open only with their key and in their own row."""

import pytest

from domain.access.crypto import UnreadableSecretError, decrypt, encrypt, needs_rotation

OLD = "an old key of more than thirty-two characters"
NEW = "a new key of more than thirty-two characters!"


def test_a_value_is_read_again_in_its_own_row() -> None:
    kept = encrypt("021000021 · ü", [OLD], "bank:17")
    assert decrypt(kept, [OLD], "bank:17") == "021000021 · ü"
    assert "021000021" not in kept
    assert kept != encrypt("021000021 · ü", [OLD], "bank:17")


def test_a_value_moved_to_another_row_stays_shut() -> None:
    kept = encrypt("secret", [OLD], "bank:17")
    with pytest.raises(UnreadableSecretError, match="belongs to another record"):
        decrypt(kept, [OLD], "bank:18")


def test_old_values_stay_readable_after_the_key_is_changed() -> None:
    kept = encrypt("secret", [OLD], "bank:17")
    assert decrypt(kept, [NEW, OLD], "bank:17") == "secret"
    assert needs_rotation(kept, [NEW, OLD])
    renewed = encrypt("secret", [NEW, OLD], "bank:17")
    assert not needs_rotation(renewed, [NEW, OLD])
    with pytest.raises(UnreadableSecretError, match="no longer in DATA_KEYS"):
        decrypt(renewed, [OLD], "bank:17")


@pytest.mark.parametrize(("length", "ending"), [(-6, "AAAAA="), (20, ""), (2, ""), (0, ""), (13, "é")])
def test_a_changed_value_is_refused(length: int, ending: str) -> None:
    kept = encrypt("secret", [OLD], "bank:17")[:length] + ending
    with pytest.raises(UnreadableSecretError):
        decrypt(kept, [OLD], "bank:17")
