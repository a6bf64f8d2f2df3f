"""How a searched text is taken apart, and how lists look for it."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.product_table import ProductFilters, list_product_lines
from domain.catalogue.search import Word, match_products, read_search
from domain.catalogue.staff_products import ListAllProducts, list_all_products
from domain.catalogue.sync_reads import SyncListProducts, sync_list_products
from domain.inventory.stock_list import ListInventory, list_stock_lines
from domain.kernel.actor import Actor, ActorKind
from models import Product, Role
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
