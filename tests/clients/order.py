"""A program of a partner's: it signs in, looks for something, orders it and tracks it, by a generated client alone."""

import os

from shop import Client
from shop.api.accounts import login, me
from shop.api.catalogue import list_products
from shop.api.orders import get_order, list_own_orders, place_order
from shop.models import Error, LoginSignIn, PlaceOrderPlaceOrder

client = Client(base_url=os.environ["BASE"], raise_on_unexpected_status=True)
wrong = login.sync(client=client, body=LoginSignIn(username="bistro", password="not it"))
assert isinstance(wrong, Error)
assert wrong.code == "invalid_credentials"

signed_in = login.sync_detailed(client=client, body=LoginSignIn(username="bistro", password="demo-demo"))
assert signed_in.status_code == 200
# The client keeps the cookie of its own connection.
found = list_products.sync(client=client, per_page=1)
product = found.products[0]
order = PlaceOrderPlaceOrder.from_dict({
    "items": [{"product_id": product.id, "quantity": 2}],
    "delivery_name": "Bistro",
    "delivery_address": "12 Elm Street",
    "delivery_city": "Chicago",
    "delivery_state": "IL",
    "delivery_zip": "60607",
})  # fmt: skip
placed = place_order.sync(client=client, body=order, idempotency_key="generated-python")
again = place_order.sync_detailed(client=client, body=order, idempotency_key="generated-python")
assert again.headers["Idempotent-Replay"] == "true"
assert again.parsed.order.order_number == placed.order.order_number
tracked = get_order.sync(placed.order.order_number, client=client)
assert tracked.order.status == "pending"
assert placed.order.order_number in [order.order_number for order in list_own_orders.sync(client=client)]
assert me.sync(client=client).user.username == "bistro"
print(placed.order.order_number)
