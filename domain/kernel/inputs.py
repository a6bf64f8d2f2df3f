"""The base class of all inputs, the types of their fields, and how JSON, forms and query strings are read.

JSON is read strictly ("3" is not a number), forms leniently ("on", "$5", empty = absent), and a query string as text
that must be valid. All bad fields are named at once, as sentences.
"""

import codecs
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, from_json

from domain.kernel.addresses import STATES, read_state, read_zip
from domain.kernel.codes import Code
from domain.kernel.emails import normalise_email
from domain.kernel.errors import InvalidInput, TooLarge
from domain.kernel.exact_values import (
    check_past,
    read_amount,
    read_date,
    read_moment,
    read_positive_amount,
    write_value,
)
from domain.kernel.field_docs import Described
from domain.kernel.form_data import Pairs, fill_model, find_repeated, nest_pairs
from domain.kernel.input_errors import WHOLE, bad_field, collect_field_errors, refuse_details, refuse_fields
from domain.kernel.money import MOST_MONEY
from domain.kernel.nulls import take_null_for_defaults
from domain.kernel.phone import NOT_A_PHONE, parse_phone
from domain.kernel.repeated_names import find_repeated_names
from domain.kernel.texts import clean_text, trim_text
from domain.kernel.whole_numbers import BIGGEST_ID, validate_json

# The minimum length of a new password if no setting asks for more.
LEAST_PASSWORD = 6
# The maximum number of values in one JSON body, counted by commas and brackets, also those within texts: a value takes
# a hundred times as much memory as its two characters. It allows forty for each of the 5,000 rows of a sync. Only
# bodies with long texts, longer than most, need more.
MOST_VALUES = 200_000
MOST_ROW_VALUES = 1_000_000
_SHORT_BODY = 1_000_000
_NUL = b"\\u0000"

InputT = TypeVar("InputT", bound="Input")


class Input(Described):
    """The base class of every input model: unknown fields are ignored, strings stripped, NUL characters refused.

    `ROWS_ALONE` names the lists whose rows are validated one by one (`domain/kernel/input_rows.py`), also for NUL
    characters. A field with a default accepts null as "not sent", as generated clients and voice agents send it. Set
    `NULL_IS_ABSENT` to False if null would clear a field that must not be empty, or settle an amount that was lost.
    """

    ROWS_ALONE: ClassVar[frozenset[str]] = frozenset()
    NULL_IS_ABSENT: ClassVar[bool] = True

    model_config = ConfigDict(
        extra="ignore",
        str_strip_whitespace=True,
        frozen=True,
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler, /) -> CoreSchema:
        """Return the schema of the model, in which fields with a default other than None accept null."""
        schema = handler(source)
        return take_null_for_defaults(schema) if cls.NULL_IS_ABSENT else schema

    @classmethod
    def find_faults(cls, sent: Mapping[str, Any]) -> dict[str, str]:  # noqa: ARG003 - for models that ask more.
        """Return errors that concern several fields together, by field. `sent` holds the values as sent, of any type.

        It is also called if single fields are wrong, so that all errors are reported at once.
        """
        return {}


def has_nul(value: object) -> bool:
    """Return True if a string, also inside lists or mappings, contains NUL, which PostgreSQL cannot store."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(has_nul(key) or has_nul(inner) for key, inner in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return any(has_nul(inner) for inner in value)
    return False


def find_nuls(value: object, name: str = "") -> dict[str, str]:
    """Return the dotted names of strings, also inside lists and objects, that contain NUL, each with its error."""
    if isinstance(value, dict):
        if any(has_nul(key) for key in value):
            return {name or WHOLE: "must not contain the NUL character"}
        parts = list(value.items())
    elif isinstance(value, list):
        parts = [(str(place), inner) for place, inner in enumerate(value)]
    else:
        return {name or WHOLE: "must not contain the NUL character"} if has_nul(value) else {}
    return {
        found: why
        for part, inner in parts
        for found, why in find_nuls(inner, f"{name}.{part}" if name else part).items()
    }


def _find_shared_nuls(model: type[Input], sent: object) -> dict[str, str]:
    """Like `find_nuls` for a whole input, without the lists whose rows are validated one by one."""
    if isinstance(sent, dict) and model.ROWS_ALONE:
        sent = {name: value for name, value in sent.items() if name not in model.ROWS_ALONE}
    return find_nuls(sent)


def read_values(model: type[InputT], values: dict[str, Any]) -> InputT:
    """Make an input from the values that a multi-step form has so far. Raises InvalidInput for bad values."""
    return _read_text(model, values, {}, {"source": "form"})


def _read_email(value: Any) -> str:
    if value is None:
        raise bad_field("is required")
    if not isinstance(value, str):
        raise bad_field("must be text")
    email = normalise_email(value.strip())
    if email is None:
        raise bad_field("must be an email address like name@example.com")
    return email


def _read_email_or_empty(value: Any) -> str:
    return "" if isinstance(value, str) and not value.strip() else _read_email(value)


def _clean_filled(value: str) -> str:
    """Return the cleaned text. Raises an error if it has no visible characters."""
    return _check_filled(clean_text(value))


def _trim_filled(value: str) -> str:
    """Like `_clean_filled`, but leave everything within the text."""
    return _check_filled(trim_text(value))


def _check_filled(value: str) -> str:
    if not value:
        raise bad_field("is required")
    return value


def _read_state(value: str) -> str:
    """Read a US state, given by its two letters or its name, as two letters."""
    state = read_state(value)
    if state is None:
        raise bad_field("must be a US state, like IL")
    return state


def _read_zip(value: str) -> str:
    """Read a ZIP code of five or nine digits."""
    zip_code = read_zip(value)
    if zip_code is None:
        raise bad_field("must be a ZIP code, like 60607 or 60607-1234")
    return zip_code


def _empty_as_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _check_phone(text: str) -> str:
    if text and parse_phone(text) is None:
        raise bad_field(NOT_A_PHONE)
    return text


_MONEY_SCHEMA = WithJsonSchema({"type": "number", "multipleOf": 0.01, "minimum": 0, "maximum": float(MOST_MONEY)})
_SIGNED_MONEY_SCHEMA = WithJsonSchema(
    {"type": "number", "multipleOf": 0.01, "minimum": -float(MOST_MONEY), "maximum": float(MOST_MONEY)}
)
_PHONE_SCHEMA = Field(json_schema_extra={"format": "phone"})
# A state's name is accepted too, but programs should send the two letters.
_STATE_SCHEMA = Field(json_schema_extra={"pattern": f"^({'|'.join(STATES)})$"})
_ZIP_SCHEMA = Field(json_schema_extra={"pattern": "^[0-9]{5}([- ]?[0-9]{4})?$"})

# As Pydantic writes them, which warns about the values of fields that a function reads.
_WRITTEN = PlainSerializer(write_value, return_type=str, when_used="json")

MoneyIn = Annotated[Decimal, _WRITTEN, PlainValidator(read_positive_amount), _MONEY_SCHEMA]
SignedMoneyIn = Annotated[Decimal, _WRITTEN, PlainValidator(read_amount), _SIGNED_MONEY_SCHEMA]
DateIn = Annotated[date, _WRITTEN, PlainValidator(read_date), WithJsonSchema({"type": "string", "format": "date"})]
DateTimeIn = Annotated[
    datetime, _WRITTEN, PlainValidator(read_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
# The time of something that happened; the caller's clock may be a minute fast.
PastIn = Annotated[DateTimeIn, AfterValidator(check_past)]
Id = Annotated[int, Field(ge=1, le=BIGGEST_ID)]
Quantity = Annotated[int, Field(ge=1, le=100_000)]
# A count that fits an integer column.
Count = Annotated[int, Field(ge=0, le=2_147_483_647)]

EmailIn = Annotated[str, PlainValidator(_read_email), WithJsonSchema({"type": "string", "format": "email"})]
# An optional email. Storefronts send an empty string for a field that was left empty.
OptionalEmailIn = Annotated[EmailIn | None, BeforeValidator(_empty_as_none)]
# An email that an empty string removes.
EmptyableEmailIn = Annotated[
    str, PlainValidator(_read_email_or_empty), WithJsonSchema({"type": "string", "maxLength": 254})
]
# A phone number that can be dialled, kept as typed. An empty string is allowed where the field may be cleared.
PhoneIn = Annotated[str, StringConstraints(max_length=40), AfterValidator(_check_phone), _PHONE_SCHEMA]
# As people type them.
StateIn = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_read_state), _STATE_SCHEMA]
ZipIn = Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(_read_zip), _ZIP_SCHEMA]
PasswordIn = Annotated[str, StringConstraints(min_length=1, max_length=200)]

# Texts by their maximum length; a Filled one needs at least one visible character.
Text20 = Annotated[str, StringConstraints(max_length=20), AfterValidator(clean_text)]
Text60 = Annotated[str, StringConstraints(max_length=60), AfterValidator(clean_text)]
Text200 = Annotated[str, StringConstraints(max_length=200), AfterValidator(clean_text)]
Text2000 = Annotated[str, StringConstraints(max_length=2_000), AfterValidator(clean_text)]
Text20000 = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(clean_text)]
Filled20 = Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(_clean_filled)]
Filled60 = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_clean_filled)]
Filled200 = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_clean_filled)]
Filled2000 = Annotated[str, StringConstraints(min_length=1, max_length=2_000), AfterValidator(_clean_filled)]
# Codes and usernames: nothing is left out of them unsaid, so that their own checks can refuse it.
Code60 = Annotated[str, StringConstraints(max_length=60), AfterValidator(trim_text)]
FilledCode60 = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_trim_filled)]
FilledCode200 = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_trim_filled)]


def read_json(
    model: type[InputT], raw: bytes, *, timezone: tzinfo = UTC, least_password: int = LEAST_PASSWORD
) -> InputT:
    """Read a JSON body strictly; an empty body counts as `{}`.

    Raises InvalidInput naming all bad fields, and TooLarge for more than MOST_VALUES values.
    """
    body = raw.removeprefix(codecs.BOM_UTF8) if raw else b"{}"
    most = MOST_VALUES if len(body) <= _SHORT_BODY else MOST_ROW_VALUES
    if sum(map(body.count, (b",", b"[", b"{"))) > most:
        raise TooLarge("The body has too many values. Send it in parts.")
    context: dict[str, Any] = {"source": "json", "timezone": timezone, "least_password": least_password}
    context["has_no_nul"] = _NUL not in body  # In JSON, a NUL can only be written as this escape.
    try:
        read = validate_json(model, body, context)
    except ValidationError as error:
        details = error.errors(include_url=False)
        if details[0]["type"] == "json_invalid":
            raise InvalidInput("The body is not valid JSON.", code=Code.INVALID_JSON, fields={}) from None
        sent = from_json(body)
        if not isinstance(sent, dict):
            raise InvalidInput("The body must be a JSON object.", code=Code.INVALID_JSON, fields={}) from None
        bad = (
            find_repeated_names(body, constant=str)
            | _find_escaped_nuls(model, body)
            | collect_field_errors(details, sent)
        )
        bad = model.find_faults(sent) | bad
        raise refuse_details(details, bad) from None
    bad = find_repeated_names(body) | _find_escaped_nuls(model, body) | _find_faults_of(read)
    if bad:
        raise refuse_fields(bad)
    return read


def read_form(
    model: type[InputT], pairs: Pairs, *, timezone: tzinfo = UTC, least_password: int = LEAST_PASSWORD
) -> InputT:
    """Read an HTML form leniently: nested names, empty = absent, "on" is true, "$1,234.50" is money.

    Raises InvalidInput naming all bad fields.
    """
    data = fill_model(model, nest_pairs(pairs))
    context = {"source": "form", "timezone": timezone, "least_password": least_password}
    return _read_text(model, data, {}, context)


def read_query(model: type[InputT], args: Pairs, *, timezone: tzinfo = UTC) -> InputT:
    """Read a query string: values are text, but a bad value, or a second value of a single-valued field, is refused.

    Raises InvalidInput naming all bad fields.
    """
    tree = nest_pairs(args)
    repeated = dict.fromkeys(find_repeated(model, tree), "was sent more than once")
    return _read_text(model, fill_model(model, tree), repeated, {"source": "query", "timezone": timezone})


def _read_text(model: type[InputT], data: dict[str, Any], known: dict[str, str], context: dict[str, Any]) -> InputT:
    known = known | _find_shared_nuls(model, data)
    try:
        read = model.model_validate(data, context=context)
    except ValidationError as error:
        details = error.errors(include_url=False)
        known = model.find_faults(data) | known
        raise refuse_details(details, known | collect_field_errors(details, data)) from None
    if known := known | _find_faults_of(read):
        raise refuse_fields(known)
    return read


def _find_faults_of(read: Input) -> dict[str, str]:
    """Return the errors of an input whose single fields are valid. Models without `find_faults` cost nothing."""
    asks = type(read).find_faults.__func__ is not Input.find_faults.__func__  # type: ignore[attr-defined]
    return read.find_faults(read.model_dump()) if asks else {}


def _find_escaped_nuls(model: type[Input], body: bytes) -> dict[str, str]:
    """Like `_find_shared_nuls`, for a JSON text."""
    return _find_shared_nuls(model, from_json(body)) if _NUL in body else {}
