"""The staff portal: server-rendered pages, quick with htmx, whole without it."""

from quart import Blueprint

from portal import (
    account_links,
    api_keys,
    audit,
    checks,
    front_door,
    gallery,
    home,
    inventory,
    jobs,
    live,
    mail_test,
    new_order,
    order,
    order_acts,
    orders,
    outbox,
    pay,
    payments,
    product,
    product_edits,
    products,
    profile,
    search,
    sign_in,
    slips,
    staff_users,
)


def blueprints() -> list[Blueprint]:
    """Every blueprint of the portal."""
    return [
        front_door.blueprint,
        account_links.blueprint,
        sign_in.blueprint,
        profile.blueprint,
        staff_users.blueprint,
        api_keys.blueprint,
        home.blueprint,
        search.blueprint,
        orders.blueprint,
        new_order.blueprint,
        order.blueprint,
        order_acts.blueprint,
        slips.blueprint,
        payments.blueprint,
        checks.blueprint,
        pay.blueprint,
        products.blueprint,
        product.blueprint,
        gallery.blueprint,
        product_edits.blueprint,
        inventory.blueprint,
        live.blueprint,
        outbox.blueprint,
        jobs.blueprint,
        audit.blueprint,
        mail_test.blueprint,
    ]
