"""What the order desk, the office and the administration send."""

from tests.examples.call import Call
from tests.examples.shop import (
    CATEGORY,
    LINES,
    NEW_PASSWORD,
    OTHER_PRODUCT,
    OTHER_SKU,
    PRODUCT,
    SKU,
    TO_BISTRO,
)

BISTRO = "SELECT id FROM customer WHERE username = 'bistro'"
ORDER_OF = "SELECT {} FROM orders WHERE {} ORDER BY id DESC LIMIT 1"
OPEN = "status = 'pending' AND NOT on_hold AND payment_status = 'unpaid'"
CREDITED = "SELECT customer_id FROM credit_entry GROUP BY 1 HAVING sum(amount) > 20 ORDER BY 1 LIMIT 1"
CHECK = "SELECT o.order_number FROM paper_check p JOIN orders o ON o.id = order_id WHERE state = 'pending_review'"
REP = "SELECT id FROM staff WHERE role = 'sales_rep' AND is_active ORDER BY id LIMIT 1"
INVOICE = "SELECT {} FROM invoice WHERE status = '{}' ORDER BY id DESC LIMIT 1"
VENDOR = "SELECT id FROM vendor WHERE active ORDER BY id LIMIT 1"
# A customer who owes nothing and has nothing: the account may go.
FREE = (
    "SELECT {} FROM customer c WHERE password_hash IS NOT NULL AND username <> 'bistro'"
    + "".join(
        f" AND NOT EXISTS (SELECT FROM {table} t WHERE t.customer_id = c.id{more})"
        for table, more in {
            "orders": " AND payment_status <> 'paid'", "credit_entry": "", "subscription": "", "invoice": "",
                    }.items()
    )
    + " ORDER BY id LIMIT 1 OFFSET {}"
)  # fmt: skip
READS = [
    Call("staff_me"),
    Call("staff_profile"),
    Call("list_staff", query={"per_page": 2}),
    Call("list_orders", query={"status": "pending", "page": 1, "per_page": 2, "sort": "-placed"}),
    Call("list_sales_reps"),
    Call("list_customers", query={"search": "kitchen", "sort_by": "created_at", "per_page": 2}),
    Call("get_customer", {"id": BISTRO}),
    Call("customer_orders", {"id": BISTRO}, {"per_page": 2}),
    Call("customer_csv_template"),
    Call("duplicate_customers"),
    Call("export_customers"),
    Call("search_customers", query={"q": "bistro"}),
    Call("list_website_users", query={"per_page": 2}),
    Call("get_credit", {"id": CREDITED}),
    Call("list_inventory", query={"per_page": 2, "in_stock": True}),
    Call("list_all_products", query={"per_page": 2}),
    Call("list_invoices", query={"status": "overdue", "per_page": 2}),
    Call("get_invoice", {"id": INVOICE.format("id", "sent")}),
    Call("invoice_pdf", {"id": INVOICE.format("id", "sent")}),
    Call("search_invoice_products", query={"q": "pan", "per_page": 2}),
    Call("customer_invoices", {"id": INVOICE.format("customer_id", "paid")}, {"per_page": 2}),
    Call("check_front_image", {"order_number": CHECK}),
    Call("check_back_image", {"order_number": CHECK}),
    Call("profit", query={"period": 3}),
    Call("stats", query={"range": "30d"}),
    Call("customer_scores", query={"per_page": 2}),
    Call("customer_score", {"id": "SELECT customer_id FROM customer_score ORDER BY frequency DESC LIMIT 1"}),
    Call("list_vendors", query={"per_page": 2}),
    Call("get_vendor", {"id": VENDOR}),
    Call("list_vendor_products", {"id": VENDOR}, {"per_page": 2}),
    Call("list_procurement_products", query={"per_page": 2}),
    Call("list_subscriptions", query={"status": "active", "per_page": 2}),
    Call("get_subscription", {"id": "SELECT subscription_id FROM renewal WHERE status = 'succeeded' LIMIT 1"}),
    Call("suggest_interval", {"user_id": BISTRO}),
]
WRITES = [
    Call("staff_login", body={"username": "manager", "password": "demo-demo"}),
    Call("staff_logout", who="manager"),
    Call("create_product", body={
        "name": "Whisk 12 in", "category_id": CATEGORY, "sku": "WSK-1200", "unit_price": 9.25, "brand": "Gristmill",
        "unit_size": "each",
    }),
    Call("create_category", body={"name": "Whisks", "description": "Balloon, flat and spiral whisks."}),
    Call("add_product", body={
        "name": "Whisk 16 in", "category_id": CATEGORY, "sku": "WSK-1600", "unit_price": 11.75, "cost_per_item": 6.2,
        "bulk_price": 10.5, "bulk_quantity": 24, "stock_quantity": 48, "reorder_level": 12, "bin_location": "B-14",
    }),
    Call("update_product", {"id": "@add_product.product.id"}, body={"unit_price": 11.95, "reorder_level": 18}),
    Call("bulk_save_products", body={"products": [{"id": PRODUCT, "reorder_level": 20}]}),
    Call("upload_product_image", {"id": "@add_product.product.id"}, files={"image": "picture"}),
    Call("add_gallery_image", {"id": "@add_product.product.id"}, files={"image": "other picture"}),
    Call("set_primary_image", {"id": "@add_product.product.id", "image_id": "@add_gallery_image.image.id"}),
    Call("list_gallery", {"id": "@add_product.product.id"}),
    Call("reorder_gallery", {"id": "@add_product.product.id"}, body={
        "order": ["@list_gallery.images.1.id", "@list_gallery.images.0.id"],
    }),
    Call("remove_gallery_image", {"id": "@add_product.product.id", "image_id": "@add_gallery_image.image.id"}),
    Call("remove_product_image", {"id": "@add_product.product.id"}),
    Call("pre_upload_image", files={"image": "picture"}),
    Call("delete_product", {"id": "@create_product.id"}),
    Call("update_inventory", {"product_id": PRODUCT}, body={"stock_quantity": 250, "note": "Counted on Friday."}),
    Call("receive_stock", {"product_id": PRODUCT}, body={"quantity": 48, "unit_cost": 5.25, "vendor_id": VENDOR}),
    Call("create_order", body={
        "items": LINES, **TO_BISTRO, "customer_id": BISTRO, "delivery_fee": 0, "discount_amount": 5,
        "payment_method": "check", "payment_status": "unpaid", "staff_notes": "By phone; wants it before noon.",
    }),
    Call("update_delivery_address", {"id": "@create_order.order.id"}, body={
        "delivery_address": "14 Elm Street", "delivery_phone": "(312) 555-0144",
    }),
    Call("update_items", {"id": "@create_order.order.id"}, body={"items": [{"sku": SKU, "quantity": 6}]}),
    Call("update_notes", {"id": "@create_order.order.id"}, body={"staff_notes": "Side door.", "assigned_to": "Ada"}),
    Call("assign_order", {"id": "@create_order.order.id"}, body={"sales_rep_id": REP}),
    Call("mark_paid", {"id": "@create_order.order.id"}, body={"payment_method": "cash", "amount_received": 0}),
    Call("update_status", {"id": "@create_order.order.id"}, body={"status": "confirmed"}),
    Call("adjust_credit", {"id": BISTRO}, body={"amount": 25, "note": "Dented pan, order of last week"}),
    Call("apply_credit", {"id": "@place_order.order.id"}, body={"amount": 10}),
    Call("delete_order", {"id": ORDER_OF.format(
        "id", "status = 'cancelled' AND NOT EXISTS (SELECT FROM payment p WHERE p.order_id = orders.id)"
        " AND NOT EXISTS (SELECT FROM invoice i WHERE i.order_id = orders.id)"
        " AND NOT EXISTS (SELECT FROM label l WHERE l.order_id = orders.id)"
    )}),
    Call("upload_check", form={"order_number": "@check_order.order.order_number"}, files={"check_front": "picture"}),
    Call("approve_check", {"order_number": CHECK + " ORDER BY p.id LIMIT 1"}, body={"note": "Cleared."}),
    Call("reject_check", {"order_number": "@check_order.order.order_number"}, body={"note": "Not signed."}),
    Call("update_customer", {"id": BISTRO}, body={"company_name": "Bistro Lumen", "preferred_language": "en"}),
    Call("merge_customers", body={
        "keep_id": "@duplicate_customers.duplicate_groups.0.customers.0.id",
        "merge_id": "@duplicate_customers.duplicate_groups.0.customers.1.id",
    }),
    Call("import_customers", files={"file": "customers"}),
    Call("delete_customer", {"id": FREE.format("id", 2)}),
    Call("bulk_delete_customers", body={"ids": [FREE.format("id", 2), BISTRO]}),
    Call("create_invoice", body={
        "customer_id": BISTRO, "customer_name": "Bistro Lumen", "payment_terms": "net30", "tax_rate": 8.25,
        "items": [{"description": "Sharpening of 12 knives", "quantity": 12, "unit_price": 4.5}],
    }),
    Call("update_invoice", {"id": "@create_invoice.id"}, body={"shipping_fee": 12, "status": "sent"}),
    Call("delete_invoice", {"id": INVOICE.format("id", "draft")}),
    Call("create_vendor", body={
        "name": "Eastgate Metalware", "website": "https://eastgate.example", "email": "sales@eastgate.example",
        "contact_name": "Lin Wei", "phone": "+1 312 555 0190",
    }),
    Call("update_vendor", {"id": "@create_vendor.id"}, body={"notes": "Ships on Tuesdays."}),
    Call("add_vendor_product", {"id": "@create_vendor.id"}, body={
        "name": "Ladle 6 oz", "model_number": "EG-206", "est_price_min": 2.1, "est_price_max": 2.6,
        "lead_time_days": 35, "product_id": OTHER_PRODUCT,
    }),
    Call("update_procurement_product", {"id": "@add_vendor_product.id"}, body={"lead_time_days": 28}),
    Call("delete_procurement_product", {"id": "@add_vendor_product.id"}),
    Call("delete_vendor", {"id": "@create_vendor.id"}),
    Call("create_staff", body={
        "username": "nora", "email": "nora@ladleandlid.example", "password": NEW_PASSWORD, "role": "sales_rep",
        "first_name": "Nora", "last_name": "Quist",
    }),
    Call("update_staff", {"staff_id": "@create_staff.id"}, body={"role": "staff"}),
    Call("delete_staff", {"staff_id": "@create_staff.id"}),
    Call("staff_change_email", body={"new_email": "rep@ladleandlid.example"}, who="rep"),
    Call("create_setup_intent", body={"user_id": BISTRO, "payment_type": "card"}),
    Call("create_subscription", body={
        "user_id": BISTRO, "product_sku": OTHER_SKU, "quantity": 6, "interval_days": 30, "discount_pct": 5,
        "stripe_customer_id": "@create_setup_intent.stripe_customer_id", "stripe_payment_method_id": "pm_card_visa",
        "payment_type": "card", "delivery_email": "kitchen@bistro-lumen.com", **TO_BISTRO,
    }),
    Call("update_subscription", {"id": "@create_subscription.id"}, body={"quantity": 8, "interval_days": 28}),
    Call("renew_subscription", {"id": "@create_subscription.id"}),
    Call("pause_subscription", {"id": "@create_subscription.id"}),
    Call("resume_subscription", {"id": "@create_subscription.id"}),
    Call("cancel_subscription", {"id": "@create_subscription.id"}),
    Call("process_due_renewals"),
    Call("smtp_check"),
    Call("test_email", body={"to": "admin@ladleandlid.example"}),
]  # fmt: skip
LAST = [
    Call("staff_forgot_username", body={"email": "packer@ladleandlid.example"}),
    Call("staff_forgot_password", body={"identifier": "packer"}),
    Call("staff_reset_password", body={"token": "@staff_forgot_password.debug_token", "password": NEW_PASSWORD}),
    Call("staff_change_password", body={
        "current_password": "demo-demo", "new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD,
    }, who="rep"),
    Call("delete_user", {"user_id": FREE.format("id", 0)}, who=FREE.format("username", 0)),
]  # fmt: skip
