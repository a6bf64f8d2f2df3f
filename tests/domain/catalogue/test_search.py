"""How a searched text is taken apart, and how lists look for it."""

import pytest
from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.product_table import ProductFilters, list_product_lines
from domain.catalogue.search import Word, match_products, read_search
from domain.catalogue.staff_products import ListAllProducts, list_all_products
from domain.catalogue.sync_reads import SyncListProducts, sync_list_products
from domain.inventory.stock_list import ListInventory, list_stock_lines
from domain.kernel.actor import Actor, ActorKind
from models import Product, Role, columns_of
from models.accents import ACCENTED, PLAIN
from models.product import SEARCHED
from models.session import Database
from tests.factories import make_product
from tests.statements import noted_statements


def test_nothing_is_searched_for_a_blank_text() -> None:
    assert read_search(None) is None
    assert read_search("  ") is None


def test_one_or_two_letters_are_a_beginning() -> None:
    search = read_search(" Wh ")
    assert search is not None
    assert (search.prefix, search.words) == ("wh%", ())


def test_characters_of_patterns_mean_themselves() -> None:
    short, long = read_search("%"), read_search("50%_off\\")
    assert short is not None
    assert short.prefix == "\\%%"
    assert long is not None
    assert long.words == (Word("%50\\%\\_off\\\\%", None),)


def test_the_longest_word_comes_first_and_only_words_may_be_misspelled() -> None:
    search = read_search("Pan SHEET pan-0012 9 sheet")
    assert search is not None
    assert search.words == (
        Word("%pan-0012%", None), Word("%sheet%", "sheet"), Word("%pan%", None), Word("%9%", None),
    )  # fmt: skip


def test_words_too_short_for_the_index_are_searched_together() -> None:
    search = read_search("2 oz")
    assert search is not None
    assert search.words == (Word("%2 oz%", None),)


@pytest.mark.parametrize("list_of", [ListAllProducts, SyncListProducts, ListInventory, ProductFilters])
async def test_every_list_looks_the_words_up_once_and_first(
    database: Database, list_of: type[ListAllProducts | SyncListProducts | ListInventory | ProductFilters]
) -> None:
    asked = list_of(search="ladle")
    me = Actor(ActorKind.STAFF, id=1, role=Role.ADMIN)
    async with database.reading() as connection, noted_statements(database) as statements:
        match asked:
            case ListAllProducts():
                await list_all_products(connection, asked, visible_to=me)
            case SyncListProducts():
                await sync_list_products(connection, asked)
            case ListInventory():
                await list_stock_lines(connection, asked, visible_to=me)
            case ProductFilters():
                await list_product_lines(connection, asked, visible_to=me)
    searches = [text for text in statements if "search_text" in text]
    assert len(searches) == 2
    for text in searches:
        outside, _, inside = text.partition("= ANY (array((SELECT product")
        assert "search_text" in inside
        assert "search_text" not in outside


async def test_accents_do_not_count_in_what_is_searched_nor_in_the_search(db: AsyncSession) -> None:
    for name in ("Crème brûlée torch", "Creme brulee torch"):
        await make_product(db, name=name)
    for words in ("crème brûlée", "creme brulee", "CRÈME BRULÉE", "cre\u0300me brulee"):
        search = read_search(words)
        assert search is not None
        found = (await db.scalars(select(Product.name).where(match_products(search)))).all()
        assert sorted(found) == ["Creme brulee torch", "Crème brûlée torch"], words


async def test_a_text_without_accents_is_kept_as_if_it_had_been_looked_through(db: AsyncSession) -> None:
    computed = columns_of(Product).search_text.computed
    assert computed is not None
    kept = str(computed.sqltext).replace(SEARCHED, "lower(x)")
    looked_through = f"translate(lower(x), '{ACCENTED}', '{PLAIN}')"
    assert looked_through in kept != looked_through
    # Every character there is, by itself and among others.
    unlike = await db.scalar(
        sql(f"""
        SELECT count(*)
        FROM (SELECT n FROM generate_series(1, 1114111) AS n WHERE n NOT BETWEEN 55296 AND 57343 OFFSET 0) AS n,
          LATERAL (SELECT chr(n) AS x UNION ALL SELECT 'I' || chr(n) || 'É' WHERE n < 12000) AS t
        WHERE {kept} IS DISTINCT FROM {looked_through}
        """)
    )
    assert unlike == 0


@pytest.mark.parametrize(
    ("name", "found"),
    [("Crème BRÛLÉE pan", "creme brulee pan"), ("Plain PAN", "plain pan"), ("Łyżka", "lyzka"), ("鍋 PAN", "鍋 pan")],
)
async def test_what_is_searched_has_no_accents(db: AsyncSession, name: str, found: str) -> None:
    made = await make_product(db, name=name, sku="SKU-É1", brand="", description="Ångström")
    await db.refresh(made)
    assert made.search_text == f"{found} sku-e1  angstrom"
