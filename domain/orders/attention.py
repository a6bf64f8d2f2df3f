"""What on an order or an invoice waits for somebody: sentences, one a line, each put there and taken off by itself.

So a second trouble does not hide the first one, and one that is over takes no other with it.
"""

from models import Invoice, Order


def add_attention(record: Order | Invoice, sentence: str) -> None:
    """Put a sentence on a locked record, once."""
    if sentence not in record.attention.splitlines():
        record.attention = "\n".join([*record.attention.splitlines(), sentence])


def drop_attention(record: Order | Invoice, words: str) -> bool:
    """Take the sentences off that have these words; False when there was none."""
    kept = [line for line in record.attention.splitlines() if words not in line]
    is_dropped = len(kept) < len(record.attention.splitlines())
    record.attention = "\n".join(kept)
    return is_dropped
