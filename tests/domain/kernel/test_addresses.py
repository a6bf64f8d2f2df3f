"""Addresses are read where they are plain, and kept whole where they are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.addresses import Address, compose_address, parse_address, restore_zip


@pytest.mark.parametrize(
    "text",
    [
        "88 Grist Road, Alder Falls, OH 44099",
        "88 Grist Road,Alder Falls,oh  44099",
        "88 Grist Road\nAlder Falls, OH 44099",
        "88 Grist Road, Alder Falls, OH 44099, USA",
        " 88 Grist Road, Alder Falls, OH 44099, ",
    ],
)
def test_a_plain_address_is_read_into_its_parts(text: str) -> None:
    assert parse_address(text) == Address("88 Grist Road", "Alder Falls", "OH", "44099", "US")


@pytest.mark.parametrize(
    ("cell", "state", "kept"),
    [
        ("2134", "MA", "02134"),
        ("601", "PR", "00601"),
        ("21341234", "MA", "02134-1234"),
        ("02134 1234", "MA", "02134-1234"),
        ("2134", "OH", "2134"),
        ("2134", "", "2134"),
        ("213", "NY", "213"),
        ("M5V 2T6", "", "M5V 2T6"),
        ("", "MA", ""),
        ("٢١٣٤", "MA", "٢١٣٤"),
    ],
)
def test_a_zip_gets_back_the_zeros_that_a_spreadsheet_took(cell: str, state: str, kept: str) -> None:
    assert restore_zip(cell, state) == kept


def test_a_street_may_have_commas() -> None:
    assert parse_address("88 Grist Road, Suite 4, Alder Falls, OH 44099-1234") == Address(
        "88 Grist Road, Suite 4", "Alder Falls", "OH", "44099-1234"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Obere Str. 57, 12209 Berlin",
        "Alder Falls, OH 44099",
        "88 Grist Road, Alder Falls, Ohio",
        "x, y, OH 440",
        "1,000.00",
        "-,",
        ",",
    ],
)
def test_anything_else_is_the_street(text: str) -> None:
    assert parse_address(text) == Address(street=text)


def test_an_address_is_composed_of_the_parts_it_has() -> None:
    assert (
        compose_address("88 Grist Road", "Alder Falls", "OH", "44099", "US") == "88 Grist Road, Alder Falls, OH 44099"
    )
    assert (
        compose_address("Obere Str. 57", "Berlin", None, "12209", "Germany") == "Obere Str. 57, Berlin, 12209, Germany"
    )
    assert compose_address("88 Grist Road") == "88 Grist Road"
    assert compose_address(None, None, None, None) == ""


@given(st.text(max_size=80))
def test_every_text_is_some_address(text: str) -> None:
    address = parse_address(text)
    assert parse_address(compose_address(address.street, address.city, address.state, address.zip)) == address
