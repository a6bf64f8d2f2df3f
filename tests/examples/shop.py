"""What the shop's pages and another system's program send."""

from tests.examples.call import Call

BISTRO = "SELECT id FROM customer WHERE username = 'bistro'"
OWN_ORDER = "SELECT order_number FROM orders JOIN customer c ON c.id = customer_id WHERE c.username = 'bistro' LIMIT 1"
SOLD = "SELECT {} FROM product WHERE is_active AND in_stock AND stock_quantity > 60 ORDER BY id LIMIT 1 OFFSET {}"
PRODUCT, SKU = SOLD.format("id", 0), SOLD.format("sku", 1)
OTHER_PRODUCT, OTHER_SKU = SOLD.format("id", 2), SOLD.format("sku", 3)
PICTURED = "SELECT product_id FROM product_image ORDER BY 1 LIMIT 1"
CATEGORY = "SELECT id FROM category ORDER BY id LIMIT 1"
NEW_PASSWORD = "copper ladle 94"
TO_BISTRO = {
    "delivery_name": "Bistro Lumen",
    "delivery_address": "12 Elm Street",
    "delivery_city": "Chicago",
    "delivery_state": "IL",
    "delivery_zip": "60607",
}
LINES = [{"product_id": PRODUCT, "quantity": 4}, {"sku": SKU, "quantity": 2}]

READS = [
    Call("me"),
    Call("list_own_user"),
    Call("get_user", {"user_id": BISTRO}),
    Call("list_products", query={"page": 1, "per_page": 2, "search": "pan"}),
    Call("featured_products", query={"limit": 2}),
    Call("get_product", {"id": PRODUCT}),
    Call("get_product_by_sku", {"sku": SKU}),
    Call("product_image", {"id": PICTURED}),
    Call("product_thumbnail", {"id": PICTURED}),
    Call("list_categories", query={"per_page": 2}),
    Call("list_own_invoices_of_customer"),
    Call("own_statement"),
    Call("list_own_orders", query={"page": 1, "per_page": 2}),
    Call("order_guide"),
    Call("get_order", {"order_number": OWN_ORDER}),
    Call("reorder_items", {"order_number": OWN_ORDER}),
    Call("orders_by_phone", {"phone": "SELECT delivery_phone FROM orders WHERE customer_id IS NULL"
                             " AND delivery_phone IS NOT NULL ORDER BY id DESC LIMIT 1"}),
    Call("list_my_subscriptions"),
    Call("sync_list_products", query={"page": 1, "per_page": 2, "in_stock": True}),
    Call("sync_get_product", {"id_or_sku": SKU}),
]  # fmt: skip
WRITES = [
    Call("login", body={"username": "bistro", "password": "demo-demo"}),
    Call("logout", who="bistro"),
    Call("register", body={
        "username": "corner.kitchen", "email": "orders@corner-kitchen.example", "company_name": "Corner Kitchen",
        "phone": "(312) 555-0182", "business_type": "restaurant", "state_of_operation": "IL", "password": NEW_PASSWORD,
    }),
    Call("resend_verification", body={"email": "orders@corner-kitchen.example"}),
    Call("verify_email", body={"token": "@resend_verification.debug_token"}),
    Call("forgot_username", body={"email": "orders@corner-kitchen.example"}),
    Call("forgot_password", body={"identifier": "corner.kitchen"}),
    Call("reset_password", body={"token": "@forgot_password.debug_token", "password": "iron skillet 12"}),
    Call("update_user", {"user_id": BISTRO}, body={
        "company_name": "Bistro Lumen", "shipping_address": "12 Elm Street, Chicago, IL 60607",
    }),
    Call("place_order", body={
        "items": LINES, **TO_BISTRO, "delivery_phone": "(312) 555-0144", "special_notes": "Ring at the back door.",
        "payment_method": "net30", "po_number": "PO-2291",
    }),
    Call("create_account_at_checkout", body={
        "email": "chef@harbor-grill.example", "password": NEW_PASSWORD, **TO_BISTRO,
        "delivery_name": "Harbor Grill", "delivery_phone": "+13125550171",
    }),
    Call("send_phone_code", body={"phone": "SELECT phone FROM customer WHERE phone_verified_at IS NOT NULL"
                                  " AND password_hash <> '' AND username <> 'bistro' ORDER BY id DESC LIMIT 1"}),
    Call("verify_phone_code", body={"phone": "@send_phone_code_request.phone", "code": "@send_phone_code.debug_code"}),
    Call("phone_username", body={"phone_session_token": "@verify_phone_code.phone_session_token"}),
    Call("create_payment_intent", body={"amount": 48.5, "customer_name": "Bistro Lumen"}, who="bistro"),
    Call("create_payment_link", body={"order_number": "@card_order.order.order_number", "expires_in_hours": 48}),
    Call("confirm_payment", body={
        "order_number": "@card_order.order.order_number", "payment_intent_id": "@paid_intent",
    }, who="bistro"),
    Call("save_me_money", form={
        "name": "Ada Brook", "restaurant_name": "Corner Kitchen", "address": "40 Mill Lane", "city": "Chicago",
        "state": "IL", "phone": "(312) 555-0182", "email": "orders@corner-kitchen.example",
    }, files={"invoice": "picture"}),
    Call("change_my_subscription", body={
        "subscription_id": "SELECT s.id FROM subscription s JOIN customer c ON c.id = s.customer_id"
        " WHERE c.username = 'bistro' AND status <> 'cancelled' ORDER BY status LIMIT 1",
        "quantity": 8,
    }),
    Call("sync_update_product", {"id_or_sku": "LDL-4711"}, body={
        "name": "Ladle 6 oz", "category_id": CATEGORY, "unit_price": 7.5, "bulk_price": 6.75, "bulk_quantity": 12,
        "unit_size": "each", "in_stock": True,
    }),
    Call("sync_update_product_patch", {"id_or_sku": "LDL-4711"}, body={"description": "Stainless steel, one piece."}),
    Call("sync_update_stock", {"id_or_sku": "LDL-4711"}, body={"in_stock": True, "stock_quantity": 144}),
    Call("sync_update_pricing", {"id_or_sku": "LDL-4711"}, body={
        "unit_price": 7.9, "bulk_price": 7.1, "bulk_quantity": 12,
    }),
    Call("sync_upload_image", {"id_or_sku": "LDL-4711"}, files={"image": "picture"}),
    Call("sync_bulk_update", body={"products": [
        {"sku": "LDL-4711", "unit_price": 7.75},
        {"sku": "LDL-4712", "name": "Ladle 8 oz", "category_id": CATEGORY, "unit_price": 8.5},
    ]}),
]  # fmt: skip
LAST = [
    Call("undo_email_change", body={"token": "@undo_token"}, first="email change"),
    Call("phone_reset_password", body={
        "phone_session_token": "@verify_phone_code.phone_session_token", "password": NEW_PASSWORD,
    }, first="phone code"),
    Call("change_password", body={"current_password": "demo-demo", "new_password": NEW_PASSWORD}, who="bistro"),
]  # fmt: skip
