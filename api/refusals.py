"""The refusals that an operation can answer: those of its act, and those of its decorators."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from domain.kernel.codes import Code
from web.guards import Guard

# What an act can be refused for by what it works with.
STRIPE = (
    Code.NOT_CONFIGURED, Code.STRIPE_BUSY, Code.STRIPE_KEY_REFUSED, Code.STRIPE_REFUSED, Code.STRIPE_UNKNOWN
)  # fmt: skip
PICTURE = (
    Code.BAD_IMAGE, Code.DAMAGED_IMAGE, Code.TOO_MANY_PIXELS, Code.TOO_MANY_SCANS, Code.UNSUPPORTED_IMAGE
)  # fmt: skip
SPREADSHEET = (Code.BAD_FILE, Code.TOO_MANY_ROWS)
ALWAYS = frozenset({Code.TRY_AGAIN})
BODY = frozenset({
    Code.BAD_REQUEST, Code.INVALID_INPUT, Code.INVALID_JSON, Code.TIMEOUT, Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE
})  # fmt: skip
STAFF = frozenset({Code.NOT_ALLOWED, Code.SECOND_FACTOR_SETUP_REQUIRED, Code.TOO_MANY_REQUESTS})
IDEMPOTENT = frozenset({Code.IDEMPOTENCY_KEY_REUSED, Code.REQUEST_IN_PROGRESS, Code.INVALID_INPUT})


def refusals_of(handler: Callable[..., Any], guard: Guard | None, *, path: str, methods: Iterable[str]) -> set[Code]:
    """All codes that the operation can answer."""
    codes = set(ALWAYS) | set(getattr(handler, "refusals", ()))
    writes = bool(set(methods) - {"GET", "HEAD", "OPTIONS"})
    if guard is not None and not guard.is_public:
        codes |= {Code.NOT_SIGNED_IN}
        codes |= STAFF if guard.staff or guard.scopes else set()
    if guard is not None and (guard.customer or guard.optional_customer or guard.staff) and not guard.session_only:
        codes |= {Code.FOREIGN_PAGE}
    if writes:
        codes |= BODY | {Code.GONE_MEANWHILE}
    if "version" in getattr(getattr(handler, "read_model", None), "model_fields", ()):
        codes |= {Code.STALE}
    if getattr(handler, "reads_query", False):
        codes |= {Code.INVALID_INPUT}
    if "<" in path:
        codes |= {Code.NOT_FOUND}
    if getattr(handler, "is_limited", False):
        codes |= {Code.TOO_MANY_REQUESTS}
    if getattr(handler, "is_idempotent", False):
        codes |= IDEMPOTENT
    return codes


def document_refusals(handler: Callable[..., Any], codes: Iterable[Code]) -> dict[str, dict[str, Any]]:
    """The answers of an OpenAPI operation for these codes, one per status."""
    by_status: dict[int, list[Code]] = defaultdict(list)
    signed = getattr(handler, "signed_by", None)
    for code in sorted(codes):
        status = signed.refused_by if signed is not None and code is Code.BAD_SIGNATURE else code.status
        by_status[status].append(code)
    return {str(status): _describe(status, by_status[status]) for status in sorted(by_status)}


def _describe(status: int, codes: list[Code]) -> dict[str, Any]:
    lines = [f"- `{code}`: {code.meaning}{_name_keys(code)}." for code in codes]
    schema = {
        "allOf": [{"$ref": "#/components/schemas/Error"}],
        "type": "object",
        "properties": {
            "code": {"type": "string", "enum": [str(code) for code in codes], "description": "Which refusal it is."}
        },
    }
    answer: dict[str, Any] = {
        "description": "\n".join(lines),
        "content": {"application/json": {"schema": schema}},
    }
    if status in {429, 503}:
        answer["headers"] = {
            "Retry-After": {
                "description": "Seconds after which another try makes sense.",
                "schema": {"type": "integer", "minimum": 0},
            }
        }
    return answer


def _name_keys(code: Code) -> str:
    return f" (with {', '.join(f'`{key}`' for key in code.keys)})" if code.keys else ""
