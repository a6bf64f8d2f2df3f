"""Texts and JSON bodies that break programs: text that looks like a number, a formula, a script, a path, or nothing.

If the larger collections are available, they are used: the Big List of Naughty Strings and JSONTestSuite.
"""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePath

COLLECTION = Path(__file__).parents[2] / "shared" / "data" / "hostile"

TEXTS = [
    "undefined", "NaN", "-1/0", "0x0", "1e400", "１２３",
    "' OR 1=1 -- 1", "'; DROP TABLE customer; --", "%s%d%n", "${7*7}",
    "{{7*7}}", "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "javascript:alert(1)",
    "../../etc/passwd",
    "\u202egnirts", "\u200b", "\ufeff", "a\u0301", "田中さん", "👩‍👩‍👧‍👦", "Ω≈ç√", "\x7f\x80", "\ud7ff\ue000",
    "\u2028\u2029", "\0", "\\u0000",
    "=1+1", "@SUM(1)", "-2+3", "con", " ", "a" * 3_000,
]  # fmt: skip
JSONS = [
    ("y_object.json", b'{"a": 1}'),
    ("y_string_escapes.json", b'["\\u20ac\\ud834\\udd1e\\n"]'),
    ("y_number_huge.json", b"[123e65]"),
    ("i_number_too_big.json", b"[1e999]"),
    ("i_lone_surrogate.json", b'["\\ud800"]'),
    ("n_trailing_comma.json", b'{"a": 1,}'),
    ("n_single_quotes.json", b"{'a': 1}"),
    ("n_nan.json", b"[NaN]"),
    ("n_infinity.json", b"[-Infinity]"),
    ("n_comment.json", b'{"a": 1 /* b */}'),
    ("n_open.json", b"[" * 100_000),
    ("n_leading_zero.json", b"[012]"),
    ("n_bad_utf8.json", b'["\xff"]'),
    ("n_control_character.json", b'["\x01"]'),
    ("n_two_values.json", b"{} {}"),
]


def read_texts() -> Sequence[str]:
    """The texts to send."""
    file = COLLECTION / "blns.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else TEXTS


def read_jsons() -> Sequence[tuple[str, bytes]]:
    """The bodies to send by name: `y_` is JSON, `n_` is none, `i_` is either."""
    file = COLLECTION / "JSONTestSuite.zip"
    if not file.exists():
        return JSONS
    with zipfile.ZipFile(file) as packed:
        names = sorted(name for name in packed.namelist() if name.endswith(".json"))
        return [(PurePath(name).name, packed.read(name)) for name in names]
