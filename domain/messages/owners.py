"""Whose a number is: customers that have it as one of their phones, or from a customer who was merged into them."""

_OWNERS = """(
  SELECT id FROM customer WHERE phone = {phone} UNION SELECT id FROM customer WHERE phone2 = {phone}
  UNION SELECT kept_id FROM customer_merge
  WHERE further_phones @> ARRAY[{phone}] AND undone_at IS NULL AND kept_id IS NOT NULL
)"""


def owners_sql(phone: str) -> str:
    """A subquery of the ids of customers whose number this is; `phone` is SQL for one E.164 text, such as `$1`."""
    return _OWNERS.format(phone=phone)
