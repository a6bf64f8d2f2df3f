"""The caller, identified only by phone number: enough to help them, but no proof of who they are.

If several accounts share a number, it counts as the account that ordered last; its name is not said before the caller
says it.
"""

from dataclasses import dataclass

import asyncpg

from domain.messages.owners import owners_sql

# The newest order of each account with the number, one index lookup each.
_BY_PHONE = f"""
SELECT c.id, c.first_name, c.last_name, c.company_name, c.email, c.phone, c.payment_terms, c.credit_limit,
  c.sales_rep_id, c.is_active, c.shipping_street, c.shipping_city, c.shipping_state, c.shipping_zip,
  count(*) OVER () AS sharing
FROM customer AS c
LEFT JOIN LATERAL (
  SELECT created_at FROM orders WHERE customer_id = c.id ORDER BY created_at DESC, id DESC LIMIT 1
) AS newest ON true
WHERE c.id IN {owners_sql("$1::text")} AND c.is_active
ORDER BY newest.created_at DESC NULLS LAST, c.id
LIMIT 1
"""  # noqa: S608 - a constant of ours


# The same with the account locked, for acts that may use its credit.
_LOCKED = f"""
WITH found AS MATERIALIZED ({_BY_PHONE})
SELECT c.id, c.first_name, c.last_name, c.company_name, c.email, c.phone, c.payment_terms, c.credit_limit,
  c.sales_rep_id, c.is_active, c.shipping_street, c.shipping_city, c.shipping_state, c.shipping_zip, found.sharing
FROM found JOIN customer AS c ON c.id = found.id FOR NO KEY UPDATE OF c
"""  # noqa: S608 - the statement above


@dataclass(frozen=True, slots=True)
class Caller:
    """A phone number, and its account if there is one."""

    phone: str
    customer: asyncpg.Record | None
    is_shared: bool = False

    @property
    def customer_id(self) -> int | None:
        """The account's id; None for a guest."""
        return self.customer["id"] if self.customer else None

    @property
    def name(self) -> str:
        """The company, or else the person; empty for a guest and for a shared number."""
        if self.customer is None or self.is_shared:
            return ""
        person = f"{self.customer['first_name']} {self.customer['last_name']}".strip()
        return str(self.customer["company_name"] or person)


async def find_caller(connection: asyncpg.Connection, phone: str, *, lock: bool = False) -> Caller:
    """Return the caller with this number; without an account, a guest. With `lock`, the account stays locked."""
    row = await connection.fetchrow(_LOCKED if lock else _BY_PHONE, phone)
    return Caller(phone, row, is_shared=bool(row and row["sharing"] > 1))
