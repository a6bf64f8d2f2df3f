"""The "Save Me Money" form of the shop."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.refusals import PICTURE
from api.schemas.payments import SavingsRequestOut
from domain.customers import savings_request
from domain.kernel.codes import Code
from domain.kernel.images import NormalisedImage
from web.guards import limited, public
from web.reading import answers, body_limit, refuses
from web.request import db, settings
from web.uploads import read_upload, reads_form_and_files

blueprint = Blueprint("storefront_savings", __name__)
tag_blueprint(blueprint, ["storefront"])


async def _read_invoice() -> NormalisedImage | None:
    return await savings_request.prepare_invoice(await read_upload("invoice"))


@blueprint.post("/api/save-me-money")
@body_limit(12)
@public
@limited("save_me_money", 10, seconds=3600)
@reads_form_and_files(savings_request.SaveMeMoney, _read_invoice, "invoice")
@answers(SavingsRequestOut)
@refuses(*PICTURE, Code.ACTIVE_PDF)
async def save_me_money(data: savings_request.SaveMeMoney, files: NormalisedImage | None) -> Any:
    """Store the form with its invoice and email it to the sales inbox."""
    await savings_request.request_savings(db(), data, files, sales_inbox=settings().sales_inbox)
    return {"message": "Thank you. We'll look at your invoice and call you."}
