"""An amount that is sent as null is refused where its default settles, gives back or limits something."""

from typing import Any

import orjson
import pytest

from domain.customers.terms import SetTerms
from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import Input, read_json
from domain.payments.mark_paid import MarkPaid
from domain.payments.refund import RefundPayment


def test_a_refund_of_nothing_is_no_refund_of_everything() -> None:
    with pytest.raises(InvalidInput, match="more than 0"):
        read_json(RefundPayment, b'{"amount": 0, "given_for": "goodwill", "reason": "Late"}')


@pytest.mark.parametrize(
    ("model", "field", "others"),
    [
        (MarkPaid, "amount_received", {}),
        (RefundPayment, "amount", {"given_for": "goodwill", "reason": "Late"}),
        (SetTerms, "credit_limit", {"payment_terms": "net30"}),
    ],
)
def test_an_amount_that_a_client_lost_is_refused(model: type[Input], field: str, others: dict[str, Any]) -> None:
    model.model_validate(others)
    with pytest.raises(InvalidInput) as refusal:
        read_json(model, orjson.dumps({**others, field: None}))
    assert set(refusal.value.fields) == {field}
