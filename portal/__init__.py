"""The staff portal: server-rendered pages, faster with htmx, complete without it; one package per desk."""

from quart import Blueprint

import portal.calling.customer_tab  # noqa: F401 - registers its tab and its card
from portal import (
    drafts,
    first_run,
    home,
    imports,
    live,
    palette,
    procurement,
    search,
    subscription_enrol,
    subscription_forms,
    subscriptions,
    voice,
)
from portal.account import email_links, profile, sign_in
from portal.administration import (
    api_keys,
    audit,
    jobs,
    mail_test,
    outbox,
    savings,
    staff_users,
    status,
    suppressed_numbers,
    webhooks,
    website_users,
)
from portal.calling import call, commissions, customer_bank, figures, hand_over, performance, script, upload
from portal.calling import list as calling_list
from portal.customers import customer as customer_page
from portal.customers import edit as customer_forms
from portal.customers import list as customer_list
from portal.customers import merge as customer_merges
from portal.customers import scores
from portal.invoices import acts as invoice_acts
from portal.invoices import books, customer_tab, invoice  # noqa: F401 - the tab registers itself
from portal.invoices import editor as invoice_editor
from portal.invoices import line_search as invoice_lines
from portal.invoices import list as invoice_list
from portal.invoices import payer_search as invoice_payers
from portal.invoices import preview as invoice_preview
from portal.invoices import take_back as invoice_take_back
from portal.invoices import week as invoice_week
from portal.orders import acts, checks, items, new, order, payments, slips
from portal.orders import list as order_list
from portal.products import edit_table, gallery, inventory, product, receive
from portal.products import list as product_list
from portal.public import account_links, front_door, pay, pay_invoice, pay_subscription
from portal.reports import profit
from portal.warehouse import batch as label_batch
from portal.warehouse import boxes, labels, pack, pick_list
from portal.warehouse import queue as warehouse_queue


def blueprints() -> list[Blueprint]:
    """Every blueprint of the portal."""
    return [
        front_door.blueprint,
        account_links.blueprint,
        sign_in.blueprint,
        email_links.blueprint,
        profile.blueprint,
        staff_users.blueprint,
        api_keys.blueprint,
        webhooks.blueprint,
        first_run.blueprint,
        home.blueprint,
        search.blueprint,
        drafts.blueprint,
        palette.blueprint,
        order_list.blueprint,
        new.blueprint,
        order.blueprint,
        acts.blueprint,
        slips.blueprint,
        payments.blueprint,
        checks.blueprint,
        items.blueprint,
        invoice_list.blueprint,
        invoice_editor.blueprint,
        invoice_lines.blueprint,
        invoice_payers.blueprint,
        invoice_preview.blueprint,
        invoice_week.blueprint,
        books.blueprint,
        invoice.blueprint,
        invoice_acts.blueprint,
        invoice_take_back.blueprint,
        pay_invoice.blueprint,
        pay_subscription.blueprint,
        pay.blueprint,
        profit.blueprint,
        customer_list.blueprint,
        customer_forms.blueprint,
        customer_merges.blueprint,
        customer_page.blueprint,
        subscription_enrol.blueprint,
        subscription_forms.blueprint,
        subscriptions.blueprint,
        scores.blueprint,
        imports.blueprint,
        procurement.blueprint,
        status.blueprint,
        suppressed_numbers.blueprint,
        website_users.blueprint,
        product_list.blueprint,
        product.blueprint,
        gallery.blueprint,
        edit_table.blueprint,
        inventory.blueprint,
        receive.blueprint,
        warehouse_queue.blueprint,
        pick_list.blueprint,
        labels.blueprint,
        label_batch.blueprint,
        pack.blueprint,
        *voice.blueprints(),
        boxes.blueprint,
        calling_list.blueprint,
        hand_over.blueprint,
        call.blueprint,
        figures.blueprint,
        performance.blueprint,
        customer_bank.blueprint,
        upload.blueprint,
        commissions.blueprint,
        script.blueprint,
        savings.blueprint,
        live.blueprint,
        outbox.blueprint,
        jobs.blueprint,
        audit.blueprint,
        mail_test.blueprint,
    ]
