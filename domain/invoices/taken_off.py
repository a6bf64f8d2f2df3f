"""What was taken off an order outside the invoice that bills it: goods that were short, or a memo on a voided invoice.

The claim on the order is smaller by it, so the books of every later invoice of the order count it too.
"""

from domain.orders.allowances import is_allowance

# `memo_of` is the voided invoice that a memo belongs to, whose own books have it already.
TAKEN_OFF = """
SELECT a.order_id, a.created_at, a.amount, NULL::bigint AS memo_of FROM order_allowance AS a
UNION ALL
SELECT v.order_id, m.created_at, m.amount, v.id FROM credit_memo AS m JOIN invoice AS v ON v.id = m.invoice_id
WHERE v.status = 'void' AND v.order_id IS NOT NULL
"""
# One of them is this invoice's concern.
CONCERNS = "t.order_id = i.order_id AND t.memo_of IS DISTINCT FROM i.id"
# A payment given back as an allowance took as much off the claim.
IS_ALLOWANCE = is_allowance("p")
