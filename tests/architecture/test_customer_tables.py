"""A merge of two customers knows every table that names a customer, so that one added later cannot be forgotten."""

from sqlalchemy import Column, ForeignKey, MetaData
from sqlalchemy import Table as CoreTable

from domain.customers.merge_tables import FATES, Fate
from models import Table


def find_links(metadata: MetaData) -> dict[str, str | None]:
    """Every foreign key to `customer`, with what deleting the customer does to its row."""
    return {
        f"{table.name}.{key.parent.name}": key.ondelete
        for table in metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "customer"
    }


def test_every_table_that_names_a_customer_has_a_fate_in_a_merge() -> None:
    assert find_links(Table.metadata).keys() == FATES.keys(), (
        "Say in domain/customers/merge_tables.py what becomes of the rows of a merged customer."
    )


def test_rows_that_end_with_the_merged_customer_are_deleted_with_it() -> None:
    links = find_links(Table.metadata)
    assert {links[name] for name, fate in FATES.items() if fate is Fate.ENDS} == {"CASCADE"}


def test_a_table_added_later_is_found() -> None:
    metadata = MetaData()
    CoreTable("customer", metadata, Column("id", primary_key=True))
    CoreTable("parking", metadata, Column("id", primary_key=True), Column("guest_id", ForeignKey("customer.id")))
    assert find_links(metadata).keys() - FATES.keys() == {"parking.guest_id"}
