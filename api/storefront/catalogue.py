"""The catalogue: anyone can read products, pictures and categories; managers can add to them."""

import re
from typing import Any

from quart import Blueprint, Response, request
from quart_schema import tag_blueprint

from api.refusals import PICTURE
from api.revalidated import is_revalidated
from api.schemas.catalogue import (
    CreatedCategoryOut,
    CreatedProductOut,
    ListedCategoryOut,
    ListedProductOut,
    ProductListOut,
    ProductOut,
    name_listed,
    show_product,
    show_product_list,
)
from domain.access.rights import Right
from domain.catalogue.categories import CreateCategory
from domain.catalogue.categories import create_category as add_category
from domain.catalogue.categories import list_categories as find_categories
from domain.catalogue.create_product import CreateProduct
from domain.catalogue.create_product import create_product as add_product
from domain.catalogue.get_product import SHOWN_HASH_LENGTH, make_image_url
from domain.catalogue.get_product import get_product as find_product
from domain.catalogue.get_product import get_product_by_sku as find_product_by_sku
from domain.catalogue.list_products import FeaturedProducts, ListProducts, list_featured_products
from domain.catalogue.list_products import list_products as find_products
from domain.catalogue.pictures import FoundPicture, get_picture, get_thumbnail
from domain.kernel.codes import Code
from domain.kernel.inputs import Input, Text200
from domain.kernel.paging import NewestPageInput, cut_page
from models.session import current_database
from web.guards import public, staff_only
from web.reading import answers, answers_file, body_limit, reads, reads_query, refuses
from web.request import current_actor, db
from web.uploads import PICTURE_MEGABYTES

blueprint = Blueprint("storefront_catalogue", __name__)
tag_blueprint(blueprint, ["catalogue"])

# The address names the picture's hash, so what it answers never changes.
PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp")
FOR_EVER = "public, max-age=31536000, immutable"
# Kept, and asked about each time: without a hash the address shows whatever picture there is now.
ASKED_ABOUT = "public, no-cache"
PICTURE_TAG = re.compile(r'"([0-9a-f]{64})"')
THUMBNAIL_TAG = re.compile(r'"t-([0-9a-f]{64})"')


class PictureVersion(Input):
    """The hash in a picture's URL."""

    v: Text200 | None = None


@blueprint.get("/api/products")
@public
@reads_query(ListProducts)
@answers(ProductListOut)
async def list_products(query: ListProducts) -> bytes:
    """Active products by name, or by similarity to a search text, which may contain typing mistakes."""
    async with current_database().raw_reading() as connection:
        return show_product_list(await find_products(connection, query))


@blueprint.post("/api/products")
@staff_only(Right.EDIT_PRODUCTS)
@body_limit(PICTURE_MEGABYTES)
@reads(CreateProduct)
@answers(CreatedProductOut, 201)
@refuses(*PICTURE, Code.SKU_TAKEN)
async def create_product(data: CreateProduct) -> Any:
    """Add a product; its picture may be sent as a data URL."""
    product = await add_product(db(), data, by=current_actor())
    shown_url = make_image_url(product.id, product.image_hash, product.image_url)
    return product.model_dump() | {"image_url": shown_url}


@blueprint.get("/api/products/featured")
@public
@reads_query(FeaturedProducts)
@answers(list[ListedProductOut])
async def featured_products(query: FeaturedProducts) -> Any:
    """Products that can be bought now, the most recently updated first."""
    async with current_database().raw_reading() as connection:
        return cut_page(name_listed(await list_featured_products(connection, limit=query.limit)), query)


@blueprint.get("/api/products/<id:id>")
@public
@answers(ProductOut)
async def get_product(id: int) -> bytes:  # noqa: A002 -- the contract names the parameter.
    """One active product."""
    async with current_database().raw_reading() as connection:
        return show_product(await find_product(connection, id))


@blueprint.get("/api/products/sku/<path:sku>")
@public
@answers(ProductOut)
async def get_product_by_sku(sku: str) -> bytes:
    """One active product by its SKU, ignoring case."""
    async with current_database().raw_reading() as connection:
        return show_product(await find_product_by_sku(connection, sku))


@blueprint.get("/api/products/<id:id>/image")
@public
@reads_query(PictureVersion)
@answers_file(*PICTURE_TYPES)
@is_revalidated
async def product_image(id: int, query: PictureVersion) -> Response:  # noqa: A002 -- the same.
    """The product's picture; with its hash as `v` it can be cached forever."""
    async with current_database().raw_reading() as connection:
        found = await get_picture(connection, id, shown_hash=query.v, known=_known_hashes(PICTURE_TAG))
    return _show_picture(found, etag=found.sha256, version=query.v)


@blueprint.get("/api/products/<id:id>/thumbnail")
@public
@reads_query(PictureVersion)
@answers_file(*PICTURE_TYPES)
@is_revalidated
async def product_thumbnail(id: int, query: PictureVersion) -> Response:  # noqa: A002 -- the same.
    """A small JPEG of the product's picture."""
    async with current_database().raw_reading() as connection:
        found = await get_thumbnail(connection, id, shown_hash=query.v, known=_known_hashes(THUMBNAIL_TAG))
    return _show_picture(found, etag=f"t-{found.sha256}", version=query.v)


@blueprint.get("/api/categories")
@public
@reads_query(NewestPageInput)
@answers(list[ListedCategoryOut])
async def list_categories(query: NewestPageInput) -> Any:
    """All categories by name, with their number of active products."""
    async with current_database().raw_reading() as connection:
        return cut_page([dict(row) for row in await find_categories(connection)], query)


@blueprint.post("/api/categories")
@staff_only(Right.EDIT_PRODUCTS)
@reads(CreateCategory)
@answers(CreatedCategoryOut, 201)
@refuses(Code.NAME_TAKEN)
async def create_category(data: CreateCategory) -> Any:
    """Add a category."""
    return {"category": await add_category(db(), data, by=current_actor())}


def _known_hashes(tag: re.Pattern[str]) -> list[str]:
    """The picture hashes that the caller already has."""
    return tag.findall(request.headers.get("If-None-Match", ""))


def _show_picture(found: FoundPicture, *, etag: str, version: str | None) -> Response:
    """The picture's bytes, or 304 if the caller already has them."""
    is_named = version is not None and version == found.sha256[:SHOWN_HASH_LENGTH]
    headers = {"ETag": f'"{etag}"', "Cache-Control": FOR_EVER if is_named else ASKED_ABOUT}
    # A star stands for whatever version there is.
    if found.data is None or request.if_none_match.star_tag:
        return Response(b"", 304, headers, content_type=found.content_type)
    return Response(found.data, 200, headers, content_type=found.content_type)
