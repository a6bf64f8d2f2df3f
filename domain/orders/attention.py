"""The `attention` of an order or invoice: sentences about what needs a person, one per line, added and removed
separately.

A second problem thus does not hide the first one, and solving one does not remove the other.
"""

from models import Invoice, Order


def add_attention(record: Order | Invoice, sentence: str) -> None:
    """Add a sentence to a locked record, unless it is already there."""
    if sentence not in record.attention.splitlines():
        record.attention = "\n".join([*record.attention.splitlines(), sentence])


def drop_attention(record: Order | Invoice, words: str) -> bool:
    """Remove the sentences that contain these words. Returns False if there were none."""
    kept = [line for line in record.attention.splitlines() if words not in line]
    is_dropped = len(kept) < len(record.attention.splitlines())
    record.attention = "\n".join(kept)
    return is_dropped
