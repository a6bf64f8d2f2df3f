"""Two bodies are the same request when their content is, and never when it is not."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.access.same_body import write_canonical

# Without long numbers, which count by their bytes.
TEXT = st.text('aZ \t\n\\"/é鍋😀\u2028\x7f', max_size=9)
NUMBER = st.integers(-(10**14), 10**14) | st.decimals(0, 10**9, places=2).map(float)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@UNHURRIED
@given(VALUES, st.integers(0, 3))
def test_spaces_order_and_escapes_do_not_matter(value: object, indent: int) -> None:
    other = json.dumps(value, indent=indent or None, sort_keys=True, ensure_ascii=False)
    assert write_canonical(json.dumps(value).encode()) == write_canonical(other.encode())


@UNHURRIED
@given(VALUES, VALUES)
def test_other_content_is_another_body(one: object, other: object) -> None:
    texts = [json.dumps(value, sort_keys=True) for value in (one, other)]
    assert (texts[0] == texts[1]) is (write_canonical(texts[0].encode()) == write_canonical(texts[1].encode()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a": 1}', b'{"a": "1"}'),
        (b'{"a": 1}', b'{"a": 1.0}'),
        (b'{"a": 1, "a": 2}', b'{"a": 1}'),
        (b'{"a": [1, 2]}', b'{"a": [2, 1]}'),
        (b'{"a": null}', b"{}"),
        (b'{"a": 0.1}', b'{"a": 0.10000000000000001}'),
        (b'{"a": 100000000000000000000}', b'{"a": 100000000000000000001}'),
        (b"{", b"{ "),
        (b"", b"{}"),
    ],
)
def test_what_reads_differently_is_another_body(one: bytes, other: bytes) -> None:
    assert write_canonical(one) != write_canonical(other)


def test_a_body_too_deep_to_be_written_stays_as_it_is() -> None:
    deep = b"[" * 600 + b"]" * 600
    assert write_canonical(deep) == deep
