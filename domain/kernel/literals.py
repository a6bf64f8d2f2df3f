"""Values as SQL text, for messages with several statements, which cannot have parameters in PostgreSQL.

Text is quoted so that it cannot end early, whatever it contains and whatever the server's settings.
"""

from datetime import datetime, timedelta


def write_call(function: str, *values: str | bytes | int | datetime | timedelta | None) -> str:
    """Return a call of one of the schema's functions, for use in a statement. Its parameters give the types."""
    return f"{function}({', '.join(map(write_literal, values))})"


def write_literal(value: str | bytes | int | datetime | timedelta | None) -> str:
    """Return the value as SQL text. Raises ValueError for text that PostgreSQL cannot store."""
    match value:
        case str():
            if b"\0" in value.encode():  # encode() fails for unpaired surrogates
                raise ValueError("A text holds NUL.")
            return "E'" + value.replace("\\", r"\\").replace("'", "''") + "'"
        case None:
            return "NULL"
        case bytes():
            return rf"E'\\x{value.hex()}'"
        case bool():
            raise TypeError("No function takes one.")
        case int():
            return str(int(value))
        case datetime():
            return f"'{value.isoformat()}'"
        case timedelta():
            return f"'{value.days} days {value.seconds} seconds {value.microseconds} microseconds'"
