"""The "Save Me Money" form of the shop."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.guards import limited, public
from api.reading import answers, body_limit, reads_form
from api.request import db, settings
from api.schemas.payments import SavingsRequestOut
from api.uploads import read_upload, takes_files
from domain.customers import savings_request

blueprint = Blueprint("storefront_savings", __name__)
tag_blueprint(blueprint, ["storefront"])


@blueprint.post("/api/save-me-money")
@body_limit(12)
@public
@limited("save_me_money", 10, seconds=3600)
@takes_files(savings_request.SaveMeMoney, "invoice")
@reads_form(savings_request.SaveMeMoney)
@answers(SavingsRequestOut)
async def save_me_money(data: savings_request.SaveMeMoney) -> Any:
    """Keep the form with its invoice and mail it to the sales inbox."""
    await savings_request.request_savings(db(), data, await read_upload("invoice"), sales_inbox=settings().sales_inbox)
    return {"message": "Thank you. We'll look at your invoice and call you."}
