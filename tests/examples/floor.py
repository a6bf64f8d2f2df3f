"""What the sales floor, the warehouse and the voice agents send."""

from tests.examples.call import Call
from tests.examples.office import BISTRO, ORDER_OF, REP
from tests.examples.shop import LINES, PRODUCT, SKU, TO_BISTRO

ENTRY = "SELECT id FROM calling_entry WHERE status <> 'closed' ORDER BY id LIMIT 1 OFFSET {}"
TO_PACK = (
    "SELECT order_number FROM orders WHERE status = 'confirmed' AND tracking_number IS NULL"
    " ORDER BY id LIMIT 1 OFFSET {}"
)
CALLER = "SELECT phone FROM customer WHERE username = 'bistro'"
CALL = (
    "SELECT id FROM call_log WHERE eval_status = 'complete' AND jsonb_array_length(transcript) > 0"
    " ORDER BY id DESC LIMIT 1 OFFSET {}"
)
AGENT = (
    "SELECT agent_id FROM call_log WHERE eval_score < 60 AND jsonb_array_length(transcript) > 0"
    " GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
)
LABELLED = "SELECT o.order_number FROM label l JOIN orders o ON o.id = l.order_id WHERE l.state = 'bought' LIMIT 1"
EARNED = "SELECT order_number FROM orders WHERE commission_amount > 0 AND NOT commission_paid ORDER BY id LIMIT 1"
PARCEL = {"length": 12, "width": 9, "height": 6, "weight": 44}

READS = [
    Call("list_calling", query={"segment": "all", "sort": "priority_score", "per_page": 2}),
    Call("purchased_products"),
    Call("calling_segments"),
    Call("calling_assignees"),
    Call("get_call_script"),
    Call("sales_catalog", query={"per_page": 2}),
    Call("sales_customers", query={"search": "bistro", "per_page": 2}),
    Call("sales_customer_profile", {"id": BISTRO}),
    Call("guest_profile", query={"phone": "SELECT delivery_phone FROM orders WHERE customer_id IS NULL"
                                 " AND delivery_phone IS NOT NULL ORDER BY id DESC LIMIT 1"}),
    Call("sales_history", query={"per_page": 2}),
    Call("my_orders", query={"days": 90, "per_page": 2}, who="rep"),
    Call("rep_performance", query={"days": 30}),
    Call("import_template"),
    Call("list_box_rules", query={"per_page": 2}),
    Call("search_box_products", query={"q": "pan", "limit": 2}),
    Call("warehouse_me", who="packer"),
    Call("warehouse_queue", query={"status": "active", "sort": "created_at", "dir": "asc", "per_page": 2}),
    Call("warehouse_order", {"order_number": TO_PACK.format(0)}),
    Call("packing_slip", {"order_number": TO_PACK.format(0)}),
    Call("warehouse_stats"),
    Call("call_queue", query={"min_days_since_order": 14, "limit": 2}),
    Call("voice_dashboard", query={"granularity": "weekly"}),
    Call("review_queue", query={"limit": 2}),
    Call("voice_diagnostics"),
]  # fmt: skip
WRITES = [
    Call("warehouse_login", body={"username": "packer", "password": "demo-demo"}),
    Call("warehouse_logout", who="packer"),
    Call("create_box_rule", body={
        "product_id": "SELECT id FROM product p WHERE is_active"
        " AND NOT EXISTS (SELECT FROM box_rule b WHERE b.product_id = p.id) ORDER BY id LIMIT 1",
        "qty_per_box": 12, "box_name": "Medium", "length_in": 16, "width_in": 12, "height_in": 10,
    }),
    Call("update_box_rule", {"id": "@create_box_rule.box_recommendation.id"}, body={
        "qty_per_box": 10, "notes": "Lids go on top.",
    }),
    Call("suggest_boxes", body={"items": [{"product_id": PRODUCT, "quantity": 30}]}),
    Call("delete_box_rule", {"id": "@create_box_rule.box_recommendation.id"}),
    Call("confirm_order", {"order_number": ORDER_OF.format(
        "order_number", "status = 'pending' AND NOT on_hold")}, who="packer"),
    Call("label_rates", {"order_number": TO_PACK.format(0)}, {"parcel": ["12x9x6x44"]}),
    Call("buy_label", {"order_number": TO_PACK.format(0)}, body={
        "carrier": "@label_rates.rates.0.carrier", "service": "@label_rates.rates.0.service", "from_address": {},
        "to_address": {
            "name": "Bistro Lumen", "street1": "12 Elm Street", "city": "Chicago", "state": "IL", "zip": "60607",
        },
        "parcels": [PARCEL], "insurance": 100,
    }),
    Call("list_labels", {"order_number": "@buy_label_request.order_number"}),
    Call("label_file", {"id": "@buy_label.label_id"}),
    Call("track_order", {"order_number": "@buy_label_request.order_number"}),
    Call("ship_order", {"order_number": TO_PACK.format(1)}, body={
        "tracking_number": "9400111899223197428490", "carrier": "USPS",
    }),
    Call("deliver_order", {"order_number": "@ship_order_request.order_number"}),
    Call("ship_short", {"order_number": ORDER_OF.format("order_number", "status = 'confirmed' AND unit_count > 3")},
         body={"items": [{
             "sku": "SELECT product_sku FROM order_item WHERE quantity > 1 AND order_id = (" + ORDER_OF.format(
                 "id", "status = 'confirmed' AND unit_count > 3") + ") ORDER BY quantity DESC LIMIT 1",
             "quantity": 1,
         }], "note": "One is broken."}),
    Call("void_label", {"id": "@buy_label.label_id"}),
    Call("delete_label", {"id": "SELECT id FROM label WHERE state = 'bought' AND id <> "
                          "(SELECT max(id) FROM label) ORDER BY id LIMIT 1"}),
    Call("notify_unshipped"),
    Call("add_calling_entry", body={
        "phone": "(312) 555-0193", "company_name": "Mill Street Diner", "contact_name": "Ruth Alder",
        "email": "ruth@millstreet.example", "notes": "Opens in March.", "priority_score": 60, "status": "new",
    }),
    Call("update_calling_entry", {"id": "@add_calling_entry.entry.id"}, body={"mark_called": True}),
    Call("replace_calling_entry", {"id": "@add_calling_entry.entry.id"}, body={
        "contact_name": "Ruth Alder", "status": "contacted", "assigned_to": REP,
    }),
    Call("score_event", body={"email": "ruth@millstreet.example", "event": "sample_requested"}),
    Call("assign_calling", body={"ids": [ENTRY.format(0), ENTRY.format(1)], "assignee_id": REP}),
    Call("mark_called", body={"ids": [ENTRY.format(0)]}),
    Call("next_calling_entry", body={"segment": "all"}, who="rep"),
    Call("link_calling_customers"),
    Call("recalculate_scores"),
    Call("upload_calling_list", files={"file": "prospects"}),
    Call("delete_calling_entry", {"id": "@add_calling_entry.entry.id"}),
    Call("update_call_script", body={"content": "Greet by name. Ask how the last order arrived."}),
    Call("save_ach", {"id": BISTRO}, body={
        "bank_name": "First Harbor Bank", "account_name": "Bistro Lumen", "routing_number": "021000021",
        "account_number": "000123456789", "account_type": "checking",
    }),
    Call("get_ach", {"id": BISTRO}),
    Call("update_sales_customer", {"id": BISTRO}, body={"phone2": "(312) 555-0145"}),
    Call("rep_place_order", body={
        "customer_id": BISTRO, "items": LINES, "payment_method": "net30", "notes": "Side door.",
    }),
    Call("rep_cancel_order", {"id": "@rep_place_order.order.id"}),
    Call("import_orders", files={"file": "orders"}),
    Call("import_status", {"job_id": "@import_orders.job_id"}),
    Call("set_commission_paid", {"order_number": EARNED}, body={"paid": True}),
    Call("bulk_commission_paid", body={"order_numbers": [EARNED], "paid": True}),
    Call("lookup_customer", body={"phone_number": CALLER, "call_id": "conv_7f21"}),
    Call("check_terms", body={"phone_number": CALLER}),
    Call("voice_products", body={"query": "frying pan", "in_stock_only": True}),
    Call("voice_order_guide", body={"phone_number": CALLER}),
    Call("past_orders", body={"phone_number": CALLER, "limit": 2, "status_filter": "all"}),
    Call("customer_order_history", body={"phone_number": CALLER, "limit": 2}),
    Call("voice_place_order", body={
        "phone_number": CALLER, "items": [{"sku": SKU, "quantity": 3}], "confirmed": True, "call_id": "conv_7f21",
        **TO_BISTRO,
    }),
    Call("voice_order_status", body={"phone_number": CALLER, "order_number": "@voice_place_order.order_number"}),
    Call("send_order_sms", body={
        "phone_number": CALLER, "order_number": "@voice_place_order.order_number", "payment_method": "credit_card",
    }),
    Call("voice_cancel_order", body={
        "order_number": "@voice_place_order.order_number", "phone_number": CALLER, "confirmed": True,
    }),
    Call("sourcing_request", body={
        "phone_number": CALLER, "item_description": "Copper ladle with a hook, 4 oz", "quantity": 200,
        "target_unit_price": 6.5, "timeline_weeks": 10,
    }),
    Call("hand_to_person", body={"phone_number": CALLER, "reason": "Asks for a rebate on forty stock pots."}),
    Call("call_log_webhook", body={
        "call_id": "conv_7f21", "status": "completed", "duration": 95, "start_time": "2026-11-24T15:04:05Z",
        "end_time": "2026-11-24T15:05:40Z", "phone_number": CALLER, "order_placed": True,
        "order_number": "@voice_place_order.order_number", "transcript": "agent: How can I help?\nuser: Three pans.",
    }),
    Call("log_outbound_call_outcome", body={
        "phone": CALLER, "outcome": "interested_callback", "callback_date": "2027-01-12", "notes": "Wants a sample.",
    }),
    Call("upload_transcript", body={
        "transcript": "agent: Good morning.\nuser: Please call in January.", "call_id": "conv_8a02", "phone": CALLER,
    }),
    Call("approve_call", {"id": CALL.format(0)}),
    Call("flag_call", {"id": CALL.format(1)}, body={"notes": "Quoted last year's price."}),
    Call("evaluate_call", body={"call_log_id": CALL.format(0).replace("= 'complete'", "= 'pending'"), "async": False}),
    Call("suggest_prompt", {"agent_id": AGENT}, body={"min_calls": 1, "score_threshold": 60}),
]  # fmt: skip
