"""Which money given back is an allowance by itself, in SQL: the claim shrinks with it, as it does with a credit memo.

What goes back because an order was cancelled is none, and a credit memo's money is not: the memo has it already.
"""


def is_allowance(payment: str) -> str:
    """The condition on a payment, which the statement knows by this name; null and false alike mean no."""
    return (
        f"{payment}.state = 'succeeded' AND {payment}.given_back = 'allowance'"
        f" AND {payment}.given_for <> 'cancelled' AND {payment}.note !~ '^CM-[0-9]{{6,}}$'"
    )
