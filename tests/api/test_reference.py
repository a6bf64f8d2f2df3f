"""The API's document as pages: every operation is there, found by words, with its fields and refusals."""

from quart import Quart
from quart.typing import TestClientProtocol

from api.openapi import build_openapi
from api.reference import filter_areas, read_areas


def test_every_operation_is_listed_once_and_found_by_its_words(app: Quart) -> None:
    document = build_openapi(app)
    areas = read_areas(document)
    ids = [one.id for area in areas for one in area.operations]
    known = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert sorted(ids) == sorted(known)
    found = filter_areas(areas, "POST orders storefront")
    assert all(one.method == "POST" for area in found for one in area.operations)
    assert filter_areas(areas, "no such words anywhere") == []


def test_fields_within_lists_say_where_they_stand_and_what_is_required(app: Quart) -> None:
    areas = read_areas(build_openapi(app))
    placing = next(one for area in areas for one in area.operations if one.id == "place_order")
    fields = {field.name: field for field in placing.body}
    assert (fields["items"].is_required, fields["items[].quantity"].kind) == (True, "integer")
    assert placing.body_type == "application/json"
    refusals = {code for answer in placing.answers for code, _ in answer.codes}
    assert {"invalid_input", "out_of_stock"} <= refusals


async def test_the_pages_are_open_to_all_and_filter_without_a_script(client: TestClientProtocol) -> None:
    page = await (await client.get("/docs?q=place_order")).get_data(as_text=True)
    assert 'href="/docs/place_order"' in page
    assert 'href="/docs/list_customers"' not in page
    one = await client.get("/docs/place_order")
    assert one.status_code == 200
    assert "out_of_stock" in await one.get_data(as_text=True)
    assert (await client.get("/docs/no_such_operation")).status_code == 404
    assert "swagger-ui-bundle.js" in await (await client.get("/docs/try")).get_data(as_text=True)
