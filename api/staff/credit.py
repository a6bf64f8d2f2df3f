"""Staff access to a customer's store credit."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.idempotent import idempotent
from api.schemas.payments import AdjustedCreditOut, CreditOut
from domain.access.rights import Right
from domain.credit import adjust
from domain.kernel.codes import Code
from web.guards import staff_only
from web.reading import answers, reads, refuses
from web.request import current_actor, db

blueprint = Blueprint("staff_credit", __name__)
tag_blueprint(blueprint, ["credit"])


@blueprint.get("/api/staff/customers/<id:id>/credit")
@staff_only(Right.SEE_CREDIT)
@answers(CreditOut)
async def get_credit(id: int) -> Any:  # noqa: A002 - the contract names the path parameter
    """A customer's store credit with its ledger, newest first."""
    return await adjust.get_credit(db(), id, visible_to=current_actor())


@blueprint.post("/api/staff/customers/<id:id>/credit")
@staff_only(Right.ADJUST_CREDIT)
@idempotent
@reads(adjust.AdjustCredit)
@answers(AdjustedCreditOut)
@refuses(Code.CREDIT_TOO_LARGE, Code.NOT_ENOUGH_CREDIT)
async def adjust_credit(id: int, data: adjust.AdjustCredit) -> Any:  # noqa: A002
    """Add store credit, or remove it with a negative amount; the balance never falls below zero."""
    line = await adjust.adjust_credit(db(), id, data, by=current_actor())
    return {"credit_balance": line.balance_after, "transaction": line}
