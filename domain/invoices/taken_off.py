"""What was taken off an order outside its current invoice: short picks, and credit memos on voided invoices.

It reduces what is owed on the order, so the books of every later invoice of the order count it too.
"""

from domain.orders.allowances import is_allowance

# `memo_of` is the voided invoice of a credit memo, whose own books already count it.
TAKEN_OFF = """
SELECT a.order_id, a.created_at, a.amount, NULL::bigint AS memo_of FROM order_allowance AS a
UNION ALL
SELECT v.order_id, m.created_at, m.amount, v.id FROM credit_memo AS m JOIN invoice AS v ON v.id = m.invoice_id
WHERE v.status = 'void' AND v.order_id IS NOT NULL
"""
# The condition for those that concern this invoice.
CONCERNS = "t.order_id = i.order_id AND t.memo_of IS DISTINCT FROM i.id"
# A payment given back as an allowance reduced what is owed by its amount.
IS_ALLOWANCE = is_allowance("p")
