"""The SQL condition for payments given back that are allowances: they reduce what is owed, like a credit memo.

Money given back because an order was cancelled is not one, nor is the money of a credit memo, which the memo itself
already counts.
"""


def is_allowance(payment: str) -> str:
    """Return the condition on a payment, where `payment` is its alias in the statement. NULL means no, like false."""
    return (
        f"{payment}.state = 'succeeded' AND {payment}.given_back = 'allowance'"
        f" AND {payment}.given_for <> 'cancelled' AND {payment}.note !~ '^CM-[0-9]{{6,}}$'"
    )
