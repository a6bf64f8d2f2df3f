"""What on an order waits for somebody: sentences, one a line, each put there and taken off by itself.

So a second trouble does not hide the first one, and one that is over takes no other with it.
"""

from models import Order


def add_attention(order: Order, sentence: str) -> None:
    """Put a sentence on a locked order, once."""
    if sentence not in order.attention.splitlines():
        order.attention = "\n".join([*order.attention.splitlines(), sentence])


def drop_attention(order: Order, words: str) -> bool:
    """Take the sentences off that have these words; False when there was none."""
    kept = [line for line in order.attention.splitlines() if words not in line]
    is_dropped = len(kept) < len(order.attention.splitlines())
    order.attention = "\n".join(kept)
    return is_dropped
