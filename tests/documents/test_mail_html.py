"""Mails as HTML: what the text says in words stands there as a button, a table or a paragraph, and nothing is lost."""

import re

import pytest

from documents.mail_html import find_skus, make_mail_writer, name_link, name_quiet_link, split_paragraphs
from settings import Settings

TEXT = """Thank you, Ines. This is what you ordered:

12 × Sheet pan, full size (SHP-104): $107.88
1 × Lid: $1,204.00

Total $1,311.88.

Pay here:
https://shop.example/pay/abc
"""


def test_goods_links_and_words_are_told_apart() -> None:
    words, goods, total, pay, link = split_paragraphs(TEXT)
    assert words["lines"] == ["Thank you, Ines. This is what you ordered:"]
    assert [(line["quantity"], line["name"], line["sku"], line["amount"]) for line in goods["goods"]] == [
        ("12", "Sheet pan, full size", "SHP-104", "$107.88"),
        ("1", "Lid", "", "$1,204.00"),
    ]
    assert total["lines"] == ["Total $1,311.88."]
    assert pay["lines"] == ["Pay here:"]
    assert (link["link"], link["label"]) == ("https://shop.example/pay/abc", "Look and pay")


@pytest.mark.parametrize(
    ("link", "word"),
    [
        ("https://a.example/verify-email?token=x", "Confirm your email"),
        ("https://a.example/reset-password?token=x", "Choose a new password"),
        ("https://a.example/portal/orders/LLD-1", "Open the order"),
        ("https://a.example/pay/invoice/abc/reminders", ""),
        ("https://a.example/elsewhere", ""),
    ],
)
def test_a_button_says_what_the_link_is_for(link: str, word: str) -> None:
    assert name_link(link) == word


def test_a_mail_holds_its_button_its_table_and_escapes_the_rest(settings: Settings) -> None:
    write = make_mail_writer(settings.model_copy(update={"company_phone": "(216) 555-0148"}))
    mail = write("Your order <1>", TEXT + "\n<b>bold</b>")
    assert 'class="go" href="https://shop.example/pay/abc"' in mail
    assert ">12</td>" in mail
    assert "Your order &lt;1&gt;" in mail
    assert "&lt;b&gt;bold&lt;/b&gt;" in mail
    assert '<a class="link" href="tel:+12165550148"' in mail
    assert "prefers-color-scheme: dark" in mail


def test_lines_of_goods_have_their_pictures_where_there_are_any(settings: Settings) -> None:
    text = "You ordered:\n\n3 × Sheet pan (PAN-0001): $30.00\n2 × Bar towel (TOW-02): $8.00\n\nThank you"
    assert find_skus(text) == ["PAN-0001", "TOW-02"]
    html = make_mail_writer(settings, {"pan-0001": "https://shop.example/thumb?v=1"})("Your order", text)
    assert html.count("<img ") == 1
    assert 'src="https://shop.example/thumb?v=1" alt="" width="40"' in html
    assert "<img" not in make_mail_writer(settings)("Your order", text)


def test_sums_stand_below_their_lines_and_an_address_below_its_caption() -> None:
    text = "12 × Lid: $24.00\n\nSubtotal: $24.00\nPaid: −$4.00\nStill to pay: $20.00\n\nDelivery to:\nIda\n9 Yard"
    table, address = split_paragraphs(text)
    assert [(row["word"], row["amount"]) for row in table["sums"]] == [
        ("Subtotal", "$24.00"), ("Paid", "−$4.00"), ("Still to pay", "$20.00"),
    ]  # fmt: skip
    assert (address["caption"], address["lines"]) == ("Delivery to", ["Ida", "9 Yard"])


def test_the_words_above_a_link_name_its_button() -> None:
    _, link = split_paragraphs("Pay $1,204.50 by card or by bank:\n\nhttps://a.example/pay/x")
    assert link["label"] == "Pay $1,204.50"
    _, caption = split_paragraphs("See here:\nhttps://a.example/pay/sub/x")
    assert caption["label"] == "See your subscription"


def test_a_list_of_invoices_is_a_table_and_what_else_is_open_leads_to_the_same_page() -> None:
    text = (
        "Pay $12.00 at once:\n\nhttps://a.example/pay/invoice/x\n\n"
        "INV-000001 (your PO A: 7/2), due Dec 30: $8.00\nINV-000002, due Dec 30: $4.00\nTogether: $12.00\n\n"
        "Also open: INV-000003, $3.00, due Dec 19. The same page pays both, $15.00."
    )
    _, link, table, also = split_paragraphs(text)
    assert [(row["word"], row["amount"]) for row in table["sums"]] == [
        ("INV-000001 (your PO A: 7/2), due Dec 30", "$8.00"), ("INV-000002, due Dec 30", "$4.00"),
        ("Together", "$12.00"),
    ]  # fmt: skip
    assert (also["also"], also["label"], also["link"]) == (
        "Also open: INV-000003, $3.00, due Dec 19", "Pay both, $15.00", f"{link['link']}?all=1",
    )  # fmt: skip
    html = make_mail_writer(Settings())("3 invoices", text)
    assert re.search(r'href="https://a.example/pay/invoice/x\?all=1"[^>]*>Pay both, \$15.00</a>', html)


def test_a_link_that_leads_nowhere_is_a_link_all_the_same() -> None:
    assert (name_link("http://[example"), name_quiet_link("http://[example")) == ("", "")
