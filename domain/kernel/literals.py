"""Values as SQL text, for messages of several statements: PostgreSQL takes no parameters beside those.

A text is written so that it ends where it ends under every setting of the server, whatever stands in it.
"""

from datetime import datetime, timedelta


def write_call(function: str, *values: str | bytes | int | datetime | timedelta | None) -> str:
    """A call of one of the schema's functions, to stand in a statement; its parameters give the values their types."""
    return f"{function}({', '.join(map(write_literal, values))})"


def write_literal(value: str | bytes | int | datetime | timedelta | None) -> str:
    """The value as SQL text; raises ValueError for a text that PostgreSQL can't hold."""
    match value:
        case str():
            if b"\0" in value.encode():  # which fails for half a pair of surrogates
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
