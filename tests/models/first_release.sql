-- A company of the first release (revision 0004), as pg_dump --data-only --column-inserts wrote it: its demo company of
-- 5 customers, 6 products and 12 orders, and a row of each table that the demo leaves empty. It never changes.
INSERT INTO staff (id, username, email, password_hash, first_name, last_name, full_name, role, totp_secret, totp_confirmed_at, totp_last_step, is_demo, is_active, archived_at, failed_sign_ins, locked_until, created_at, updated_at, version) VALUES
	(1, 'admin', 'admin@ladleandlid.example', '$argon2id$v=19$m=19456,t=2,p=1$7AWu2sEfEUUWkKkrQYQ7ag$r/bi8bSvODNX4JiDWbZwwenoj2EO0qjoWl2nqIl2tp4', 'Nora', 'Castellane', 'Nora Castellane', 'admin', NULL, NULL, NULL, true, true, NULL, 0, NULL, '2024-09-24 15:00:00+00', '2026-07-07 15:00:00+00', 1),
	(2, 'manager', 'manager@ladleandlid.example', '$argon2id$v=19$m=19456,t=2,p=1$7AWu2sEfEUUWkKkrQYQ7ag$r/bi8bSvODNX4JiDWbZwwenoj2EO0qjoWl2nqIl2tp4', 'Maren', 'Holt', 'Maren Holt', 'manager', NULL, NULL, NULL, true, true, NULL, 0, NULL, '2024-10-03 15:00:00+00', '2026-07-07 15:00:00+00', 1),
	(3, 'desk', 'desk@ladleandlid.example', '$argon2id$v=19$m=19456,t=2,p=1$7AWu2sEfEUUWkKkrQYQ7ag$r/bi8bSvODNX4JiDWbZwwenoj2EO0qjoWl2nqIl2tp4', 'June', 'Abernathy', 'June Abernathy', 'staff', NULL, NULL, NULL, true, true, NULL, 0, NULL, '2024-10-12 15:00:00+00', '2026-07-07 15:00:00+00', 1),
	(4, 'rep', 'rep@ladleandlid.example', '$argon2id$v=19$m=19456,t=2,p=1$7AWu2sEfEUUWkKkrQYQ7ag$r/bi8bSvODNX4JiDWbZwwenoj2EO0qjoWl2nqIl2tp4', 'Dana', 'Whitlock', 'Dana Whitlock', 'sales_rep', NULL, NULL, NULL, true, true, NULL, 0, NULL, '2024-10-21 15:00:00+00', '2026-07-07 15:00:00+00', 1),
	(5, 'packer', 'packer@ladleandlid.example', '$argon2id$v=19$m=19456,t=2,p=1$7AWu2sEfEUUWkKkrQYQ7ag$r/bi8bSvODNX4JiDWbZwwenoj2EO0qjoWl2nqIl2tp4', 'Sam', 'Okafor', 'Sam Okafor', 'warehouse', NULL, NULL, NULL, true, true, NULL, 0, NULL, '2024-10-30 15:00:00+00', '2026-07-07 15:00:00+00', 1),
	(6, 'luis', 'luis@ladleandlid.example', '$argon2id$v=19$m=19456,t=2,p=1$7AWu2sEfEUUWkKkrQYQ7ag$r/bi8bSvODNX4JiDWbZwwenoj2EO0qjoWl2nqIl2tp4', 'Luis', 'Ocampo', 'Luis Ocampo', 'sales_rep', NULL, NULL, NULL, true, true, NULL, 0, NULL, '2024-11-08 15:00:00+00', '2026-07-07 15:00:00+00', 1),
	(7, 'priya', 'priya@ladleandlid.example', '$argon2id$v=19$m=19456,t=2,p=1$7AWu2sEfEUUWkKkrQYQ7ag$r/bi8bSvODNX4JiDWbZwwenoj2EO0qjoWl2nqIl2tp4', 'Priya', 'Raman', 'Priya Raman', 'sales_rep', NULL, NULL, NULL, true, true, NULL, 0, NULL, '2024-11-17 15:00:00+00', '2026-07-07 15:00:00+00', 1),
	(8, 'theo', 'theo@ladleandlid.example', '$argon2id$v=19$m=19456,t=2,p=1$7AWu2sEfEUUWkKkrQYQ7ag$r/bi8bSvODNX4JiDWbZwwenoj2EO0qjoWl2nqIl2tp4', 'Theo', 'Lindgren', 'Theo Lindgren', 'staff', NULL, NULL, NULL, true, true, NULL, 0, NULL, '2024-11-26 15:00:00+00', '2026-07-07 15:00:00+00', 1),
	(9, 'rosa', 'rosa@ladleandlid.example', '$argon2id$v=19$m=19456,t=2,p=1$7AWu2sEfEUUWkKkrQYQ7ag$r/bi8bSvODNX4JiDWbZwwenoj2EO0qjoWl2nqIl2tp4', 'Rosa', 'Benedetti', 'Rosa Benedetti', 'warehouse', NULL, NULL, NULL, true, true, NULL, 0, NULL, '2024-12-05 15:00:00+00', '2026-07-07 15:00:00+00', 1),
	(10, 'walt', 'walt@ladleandlid.example', '$argon2id$v=19$m=19456,t=2,p=1$7AWu2sEfEUUWkKkrQYQ7ag$r/bi8bSvODNX4JiDWbZwwenoj2EO0qjoWl2nqIl2tp4', 'Walt', 'Pruitt', 'Walt Pruitt', 'warehouse', NULL, NULL, NULL, true, false, '2026-07-07 15:00:00+00', 0, NULL, '2024-12-14 15:00:00+00', '2026-07-07 15:00:00+00', 1);
INSERT INTO api_key (id, name, prefix, key_hash, scopes, created_by, created_at, last_used_at, revoked_at) VALUES
	(1, 'Shop', 'll_shop', 'hash of a key', '{storefront}', NULL, '2026-11-29 02:58:49.714352+00', NULL, NULL);
INSERT INTO audit_entry (id, action, record_kind, record_id, record_name, before, after, note, actor_kind, actor_id, actor_name, request_id, created_at) VALUES
	(1, 'product.updated', 'product', 1, 'Aluminum stock pot, 12 qt (STK-101)', '{"unit_price": "52.85"}', '{"unit_price": "55.05"}', '', 'staff', 2, 'Maren Holt', '', '2025-11-24 15:00:00+00'),
	(2, 'product.updated', 'product', 2, 'Aluminum sauce pan, 4.5 qt (SAU-101)', '{"unit_price": "26.64"}', '{"unit_price": "27.75"}', '', 'staff', 2, 'Maren Holt', '', '2025-11-24 15:00:00+00'),
	(3, 'product.updated', 'product', 3, 'Aluminum fry pan, 14 in (FRY-101)', '{"unit_price": "35.28"}', '{"unit_price": "36.75"}', '', 'staff', 2, 'Maren Holt', '', '2025-11-24 15:00:00+00'),
	(4, 'product.updated', 'product', 4, 'Cast iron skillet, 6.5 in (SKL-101)', '{"unit_price": "10.70"}', '{"unit_price": "11.15"}', '', 'staff', 2, 'Maren Holt', '', '2025-11-24 15:00:00+00'),
	(5, 'product.updated', 'product', 5, 'Aluminum brazier with lid, 15 qt (BRZ-101)', '{"unit_price": "84.82"}', '{"unit_price": "88.35"}', '', 'staff', 2, 'Maren Holt', '', '2025-11-24 15:00:00+00'),
	(6, 'product.updated', 'product', 6, 'Carbon steel wok, 16 in (WOK-101)', '{"unit_price": "37.97"}', '{"unit_price": "39.55"}', '', 'staff', 2, 'Maren Holt', '', '2025-11-24 15:00:00+00');
INSERT INTO category (id, name, description, "position", created_at) VALUES
	(1, 'Cookware', 'Pots, pans and lids for every burner.', 1, '2024-09-15 15:00:00+00'),
	(2, 'Bakeware', 'Sheet pans, molds and what keeps dough from sticking.', 2, '2024-09-15 15:00:00+00'),
	(3, 'Knives and cutting', 'Knives, boards and what keeps fingers safe.', 3, '2024-09-15 15:00:00+00'),
	(4, 'Kitchen tools', 'Tongs, ladles, whisks: the small things that are always missing.', 4, '2024-09-15 15:00:00+00'),
	(5, 'Food storage', 'Food pans, containers and labels.', 5, '2024-09-15 15:00:00+00'),
	(6, 'Dinnerware', 'Plates, bowls and cups that survive a dishwasher.', 6, '2024-09-15 15:00:00+00'),
	(7, 'Glassware', 'Glasses for the bar and the table.', 7, '2024-09-15 15:00:00+00'),
	(8, 'Flatware', 'Forks, knives and spoons by the dozen.', 8, '2024-09-15 15:00:00+00'),
	(9, 'Disposables', 'Take-out boxes, cups, napkins and wrap.', 9, '2024-09-15 15:00:00+00'),
	(10, 'Cleaning', 'Chemicals, mops and what the inspector looks at.', 10, '2024-09-15 15:00:00+00'),
	(11, 'Small appliances', 'Mixers, blenders and warmers with a plug.', 11, '2024-09-15 15:00:00+00'),
	(12, 'Workwear and safety', 'Aprons, gloves and mats.', 12, '2024-09-15 15:00:00+00');
INSERT INTO customer (id, username, email, email_verified_at, password_hash, google_subject, first_name, last_name, company_name, phone, phone_raw, phone2, phone_verified_at, business_type, business_ein, resale_certificate, state_of_operation, shipping_street, shipping_city, shipping_state, shipping_zip, shipping_country, billing_street, billing_city, billing_state, billing_zip, billing_country, timezone, preferred_language, payment_terms, credit_limit, sales_rep_id, po_number, notes, do_not_call, do_not_call_note, claimed_order_id, external_id, is_demo, is_active, failed_sign_ins, locked_until, created_at, updated_at, version) VALUES
	(1, 'bistro', 'camille@lanternstreet.example', '2024-10-31 15:00:00+00', '$argon2id$v=19$m=19456,t=2,p=1$7AWu2sEfEUUWkKkrQYQ7ag$r/bi8bSvODNX4JiDWbZwwenoj2EO0qjoWl2nqIl2tp4', NULL, 'Camille', 'Arnaud', 'Lantern Street Bistro', '+13125550127', '', NULL, '2024-10-31 15:00:00+00', 'hotel', '', '', 'IL', '447 Orchard Avenue', 'Chicago', 'IL', '60607', 'US', '447 Orchard Avenue', 'Chicago', 'IL', '60607', 'US', 'America/Chicago', 'en', 'net30', 8000.00, 4, '', '', false, '', NULL, NULL, true, true, 0, NULL, '2024-10-31 15:00:00+00', '2024-10-31 15:00:00+00', 1),
	(2, 'silverfield', 'elena@silverfield.example', NULL, NULL, NULL, 'Elena', 'Novak', 'Silver Field Diner', '+12145550159', '', NULL, NULL, 'restaurant', '', '', 'TX', '761 Mill Street', 'Dallas', 'TX', '75202', 'US', '761 Mill Street', 'Dallas', 'TX', '75202', 'US', 'America/Chicago', 'en', 'prepaid', 0.00, 4, '', '', false, '', NULL, NULL, false, true, 0, NULL, '2025-08-21 15:00:00+00', '2025-08-21 15:00:00+00', 1),
	(3, 'cloverbridge', 'ravi@cloverbridge.example', '2024-11-12 15:00:00+00', '$argon2id$v=19$m=19456,t=2,p=1$7AWu2sEfEUUWkKkrQYQ7ag$r/bi8bSvODNX4JiDWbZwwenoj2EO0qjoWl2nqIl2tp4', NULL, 'Ravi', 'Lombardi', 'Clover Bridge Kitchen', '+12075550178', '', NULL, '2024-11-12 15:00:00+00', 'restaurant', '', '', 'ME', '1673 Chestnut Street', 'Portland', 'ME', '04101', 'US', '1673 Chestnut Street', 'Portland', 'ME', '04101', 'US', 'America/New_York', 'en', 'net30', 2000.00, NULL, '', '', false, '', NULL, NULL, true, true, 0, NULL, '2024-11-12 15:00:00+00', '2024-11-12 15:00:00+00', 1),
	(4, 'paprikasparrow', 'hana@paprikasparrow.example', NULL, NULL, NULL, 'Hana', 'Dalton', 'Paprika Sparrow Catering', '+16515550155', '', NULL, NULL, 'catering', '', '', 'MN', '1634 Front Street', 'Saint Paul', 'MN', '55102', 'US', '1634 Front Street', 'Saint Paul', 'MN', '55102', 'US', 'America/Chicago', 'en', 'net30', 3500.00, 4, '', '', false, '', NULL, NULL, false, true, 0, NULL, '2025-11-14 15:00:00+00', '2025-11-14 15:00:00+00', 1),
	(5, 'indigogrove', 'greta@indigogrove.example', NULL, NULL, NULL, 'Greta', 'Dalton', 'Indigo Grove Tavern', '+15095550132', '', NULL, NULL, 'bar', '', '', 'WA', '1434 Lake Street', 'Spokane', 'WA', '99201', 'US', '1434 Lake Street', 'Spokane', 'WA', '99201', 'US', 'America/Los_Angeles', 'en', 'prepaid', 0.00, 4, '', '', false, '', NULL, NULL, false, true, 0, NULL, '2024-11-16 15:00:00+00', '2024-11-16 15:00:00+00', 1);
INSERT INTO orders (id, order_number, customer_id, source, status, on_hold, hold_reason, attention, takes_stock, sales_rep_id, assigned_to, delivery_name, delivery_first_name, delivery_last_name, delivery_company, delivery_email, delivery_phone, delivery_phone_raw, delivery_address, delivery_city, delivery_state, delivery_zip, delivery_country, billing_address, po_number, special_notes, staff_notes, item_count, unit_count, subtotal, discount_amount, delivery_fee, total_amount, amount_paid, payment_method, payment_status, tracking_number, carrier, created_at, updated_at, confirmed_at, packed_at, shipped_at, delivered_at, cancelled_at, external_id, actor_kind, actor_id, actor_name, version) VALUES
	(1, 'LLD-HYSR-2W2A', 1, 'web', 'confirmed', false, '', '', true, 4, '', 'Camille Arnaud', 'Camille', 'Arnaud', 'Lantern Street Bistro', 'camille@lanternstreet.example', '+13125550127', '', '447 Orchard Avenue', 'Chicago', 'IL', '60607', 'US', '447 Orchard Avenue, Chicago, IL 60607', '', 'Rear door, past the loading dock.', '', 3, 30, 645.40, 0.00, 0.00, 645.40, 0.00, 'net30', 'unpaid', NULL, NULL, '2026-11-24 08:10:07+00', '2026-11-24 11:15:43.037826+00', '2026-11-24 11:15:43.037826+00', NULL, NULL, NULL, NULL, NULL, 'customer', 1, 'Lantern Street Bistro', 1),
	(2, 'LLD-JJ75-FXFY', 1, 'web', 'pending', false, '', '', true, 4, '', 'Camille Arnaud', 'Camille', 'Arnaud', 'Lantern Street Bistro', 'camille@lanternstreet.example', '+13125550127', '', '447 Orchard Avenue', 'Chicago', 'IL', '60607', 'US', '447 Orchard Avenue, Chicago, IL 60607', '', '', '', 4, 27, 678.15, 0.00, 0.00, 678.15, 0.00, 'net30', 'unpaid', NULL, NULL, '2026-11-24 08:38:10+00', '2026-11-24 08:38:10+00', NULL, NULL, NULL, NULL, NULL, NULL, 'customer', 1, 'Lantern Street Bistro', 1),
	(3, 'LLD-ZNT5-ZL2G', 1, 'desk', 'pending', false, '', '', true, 4, '', 'Camille Arnaud', 'Camille', 'Arnaud', 'Lantern Street Bistro', 'camille@lanternstreet.example', '+13125550127', '', '447 Orchard Avenue', 'Chicago', 'IL', '60607', 'US', '447 Orchard Avenue, Chicago, IL 60607', '', '', '', 1, 1, 55.05, 0.00, 25.00, 80.05, 0.00, 'net30', 'unpaid', NULL, NULL, '2026-11-24 08:41:18+00', '2026-11-24 08:41:18+00', NULL, NULL, NULL, NULL, NULL, NULL, 'staff', 8, 'Theo Lindgren', 1),
	(4, 'LLD-6AP7-DQWP', 5, 'desk', 'pending', false, '', '', true, 4, '', 'Greta Dalton', 'Greta', 'Dalton', 'Indigo Grove Tavern', 'greta@indigogrove.example', '+15095550132', '', '1434 Lake Street', 'Spokane', 'WA', '99201', 'US', '1434 Lake Street, Spokane, WA 99201', '', '', '', 4, 11, 533.89, 0.00, 0.00, 533.89, 0.00, 'credit_card', 'failed', NULL, NULL, '2026-11-24 08:53:03+00', '2026-11-24 08:53:03+00', NULL, NULL, NULL, NULL, NULL, NULL, 'staff', 3, 'June Abernathy', 1),
	(5, 'LLD-53H3-E4XX', 5, 'subscription', 'pending', false, '', '', true, 4, '', 'Greta Dalton', 'Greta', 'Dalton', 'Indigo Grove Tavern', 'greta@indigogrove.example', '+15095550132', '', '1434 Lake Street', 'Spokane', 'WA', '99201', 'US', '1434 Lake Street, Spokane, WA 99201', '', '', '', 2, 6, 383.70, 0.00, 0.00, 383.70, 0.00, 'cash', 'unpaid', NULL, NULL, '2026-11-24 08:57:10+00', '2026-11-24 08:57:10+00', NULL, NULL, NULL, NULL, NULL, NULL, 'system', NULL, 'System', 1),
	(6, 'LLD-B694-8QCG', 3, 'desk', 'pending', false, '', '', true, NULL, '', 'Ravi Lombardi', 'Ravi', 'Lombardi', 'Clover Bridge Kitchen', 'ravi@cloverbridge.example', '+12075550178', '', '1673 Chestnut Street', 'Portland', 'ME', '04101', 'US', '1673 Chestnut Street, Portland, ME 04101', '', '', '', 2, 10, 385.80, 0.00, 0.00, 385.80, 0.00, 'net30', 'unpaid', NULL, NULL, '2026-11-24 10:38:51+00', '2026-11-24 10:38:51+00', NULL, NULL, NULL, NULL, NULL, NULL, 'staff', 3, 'June Abernathy', 1),
	(7, 'LLD-7XR9-SAR3', 1, 'desk', 'pending', false, '', '', true, 4, '', 'Camille Arnaud', 'Camille', 'Arnaud', 'Lantern Street Bistro', 'camille@lanternstreet.example', '+13125550127', '', '447 Orchard Avenue', 'Chicago', 'IL', '60607', 'US', '447 Orchard Avenue, Chicago, IL 60607', '', '', '', 3, 20, 654.08, 0.00, 0.00, 654.08, 0.00, 'net30', 'unpaid', NULL, NULL, '2026-11-24 10:40:10+00', '2026-11-24 10:40:10+00', NULL, NULL, NULL, NULL, NULL, NULL, 'staff', 8, 'Theo Lindgren', 1),
	(8, 'LLD-L9HX-RBRZ', 3, 'desk', 'confirmed', false, '', '', true, NULL, '', 'Ravi Lombardi', 'Ravi', 'Lombardi', 'Clover Bridge Kitchen', 'ravi@cloverbridge.example', '+12075550178', '', '1673 Chestnut Street', 'Portland', 'ME', '04101', 'US', '1673 Chestnut Street, Portland, ME 04101', '', '', '', 2, 6, 286.40, 0.00, 25.00, 311.40, 0.00, 'net30', 'unpaid', NULL, NULL, '2026-11-24 11:50:05+00', '2026-11-24 13:01:20.713881+00', '2026-11-24 13:01:20.713881+00', NULL, NULL, NULL, NULL, NULL, 'staff', 3, 'June Abernathy', 1),
	(9, 'LLD-ND4B-VZRX', 5, 'desk', 'pending', false, '', '', true, 4, '', 'Greta Dalton', 'Greta', 'Dalton', 'Indigo Grove Tavern', 'greta@indigogrove.example', '+15095550132', '', '1434 Lake Street', 'Spokane', 'WA', '99201', 'US', '1434 Lake Street, Spokane, WA 99201', '', '', '', 4, 31, 830.85, 0.00, 0.00, 830.85, 830.85, 'credit_card', 'paid', NULL, NULL, '2026-11-24 12:09:41+00', '2026-11-24 12:11:41+00', NULL, NULL, NULL, NULL, NULL, NULL, 'staff', 8, 'Theo Lindgren', 1),
	(10, 'LLD-FWXK-EVLT', 5, 'rep', 'pending', false, '', '', true, 4, '', 'Greta Dalton', 'Greta', 'Dalton', 'Indigo Grove Tavern', 'greta@indigogrove.example', '+15095550132', '', '1434 Lake Street', 'Spokane', 'WA', '99201', 'US', '1434 Lake Street, Spokane, WA 99201', '', '', '', 3, 9, 368.65, 18.43, 0.00, 350.22, 350.22, 'credit_card', 'paid', NULL, NULL, '2026-11-24 12:36:35+00', '2026-11-24 12:38:35+00', NULL, NULL, NULL, NULL, NULL, NULL, 'staff', 4, 'Dana Whitlock', 1),
	(11, 'LLD-SBC3-8CFU', 4, 'desk', 'pending', false, '', '', true, 4, '', 'Hana Dalton', 'Hana', 'Dalton', 'Paprika Sparrow Catering', 'hana@paprikasparrow.example', '+16515550155', '', '1634 Front Street', 'Saint Paul', 'MN', '55102', 'US', '1634 Front Street, Saint Paul, MN 55102', '', '', '', 4, 4, 210.70, 0.00, 25.00, 235.70, 0.00, 'net30', 'unpaid', NULL, NULL, '2026-11-24 14:08:19+00', '2026-11-24 14:08:19+00', NULL, NULL, NULL, NULL, NULL, NULL, 'staff', 8, 'Theo Lindgren', 1),
	(12, 'LLD-UU3F-UN94', 1, 'web', 'pending', false, '', '', true, 4, '', 'Camille Arnaud', 'Camille', 'Arnaud', 'Lantern Street Bistro', 'camille@lanternstreet.example', '+13125550127', '', '447 Orchard Avenue', 'Chicago', 'IL', '60607', 'US', '447 Orchard Avenue, Chicago, IL 60607', '', '', '', 3, 9, 395.07, 0.00, 0.00, 395.07, 395.07, 'credit_card', 'paid', NULL, NULL, '2026-11-24 14:43:13+00', '2026-11-24 14:45:13+00', NULL, NULL, NULL, NULL, NULL, NULL, 'customer', 1, 'Lantern Street Bistro', 1);
INSERT INTO payment (id, order_id, customer_id, refunds_payment_id, method, state, amount, applied_amount, reference, note, provider_id, actor_kind, actor_id, actor_name, created_at) VALUES
	(1, 4, 5, NULL, 'credit_card', 'failed', 533.89, 0.00, '', 'Card declined: expired card', NULL, 'system', NULL, 'System', '2026-11-24 08:54:03+00'),
	(2, 9, 5, NULL, 'credit_card', 'succeeded', 830.85, 830.85, '', '', NULL, 'system', NULL, 'System', '2026-11-24 12:11:41+00'),
	(3, 10, 5, NULL, 'credit_card', 'succeeded', 350.22, 350.22, '', '', NULL, 'system', NULL, 'System', '2026-11-24 12:38:35+00'),
	(4, 12, 1, NULL, 'credit_card', 'succeeded', 395.07, 395.07, '', '', NULL, 'system', NULL, 'System', '2026-11-24 14:45:13+00');
INSERT INTO credit_entry (id, customer_id, amount, balance_after, kind, note, order_id, payment_id, actor_kind, actor_id, actor_name, created_at) VALUES
	(1, 1, 25.50, 25.50, 'adjustment', 'For the broken crate', NULL, NULL, '', NULL, '', '2026-11-29 02:58:49.714352+00');
INSERT INTO idempotency_key (caller, route, key, request_hash, status, body, created_at) VALUES
	('guest:127.0.0.1', 'POST /api/orders', 'first-1', '0000000000000000000000000000000000000000000000000000000000000000', 201, '\x7b7d', '2026-11-29 02:58:49.714352+00');
INSERT INTO job_run (id, name, payload, state, dedupe_key, starts, failures, last_error, progress_done, progress_total, result, requested_by, created_at, started_at, finished_at) VALUES
	(1, 'send_message', '{"message_id": 1}', 'done', NULL, 0, 0, '', 0, NULL, NULL, '', '2026-11-29 02:58:49.714352+00', NULL, '2026-11-29 02:58:49.714352+00'),
	(2, 'send_message', '{"message_id": 2}', 'failed', NULL, 0, 0, '', 0, NULL, NULL, '', '2026-11-29 02:58:49.714352+00', NULL, '2026-11-29 02:58:49.714352+00');
INSERT INTO login_session (id, token_hash, kind, staff_id, customer_id, address, user_agent, created_at, last_seen_at, expires_at, ended_at) VALUES
	(1, 'hash of a session', 'customer', NULL, 1, '', '', '2026-11-29 02:58:49.714352+00', '2026-11-29 02:58:49.714352+00', '2026-12-29 02:58:49.714352+00', NULL),
	(2, 'hash of another', 'staff', 1, NULL, '', '', '2026-11-29 02:58:49.714352+00', '2026-11-29 02:58:49.714352+00', '2026-12-29 02:58:49.714352+00', NULL);
INSERT INTO one_time_code (id, purpose, code_hash, target, customer_id, staff_id, attempts, created_at, expires_at, used_at) VALUES
	(1, 'password_reset', 'hash of a code', '', 1, NULL, 0, '2026-11-29 02:58:49.714352+00', '2026-11-29 03:58:49.714352+00', NULL);
INSERT INTO order_event (id, order_id, kind, from_status, to_status, note, changes, actor_kind, actor_id, actor_name, created_at) VALUES
	(1, 1, 'placed', NULL, 'pending', 'Placed in the shop, stock taken', NULL, 'customer', 1, 'Lantern Street Bistro', '2026-11-24 08:10:07+00'),
	(2, 1, 'moved', 'pending', 'confirmed', '', NULL, 'staff', 3, 'June Abernathy', '2026-11-24 11:15:43.037826+00'),
	(3, 2, 'placed', NULL, 'pending', 'Placed in the shop, stock taken', NULL, 'customer', 1, 'Lantern Street Bistro', '2026-11-24 08:38:10+00'),
	(4, 3, 'placed', NULL, 'pending', 'Entered, stock taken', NULL, 'staff', 8, 'Theo Lindgren', '2026-11-24 08:41:18+00'),
	(5, 4, 'placed', NULL, 'pending', 'Entered, stock taken', NULL, 'staff', 3, 'June Abernathy', '2026-11-24 08:53:03+00'),
	(6, 5, 'placed', NULL, 'pending', 'Placed by a subscription, stock taken', NULL, 'system', NULL, 'System', '2026-11-24 08:57:10+00'),
	(7, 6, 'placed', NULL, 'pending', 'Entered, stock taken', NULL, 'staff', 3, 'June Abernathy', '2026-11-24 10:38:51+00'),
	(8, 7, 'placed', NULL, 'pending', 'Entered, stock taken', NULL, 'staff', 8, 'Theo Lindgren', '2026-11-24 10:40:10+00'),
	(9, 8, 'placed', NULL, 'pending', 'Entered, stock taken', NULL, 'staff', 3, 'June Abernathy', '2026-11-24 11:50:05+00'),
	(10, 8, 'moved', 'pending', 'confirmed', '', NULL, 'staff', 8, 'Theo Lindgren', '2026-11-24 13:01:20.713881+00'),
	(11, 9, 'placed', NULL, 'pending', 'Entered, stock taken', NULL, 'staff', 8, 'Theo Lindgren', '2026-11-24 12:09:41+00'),
	(12, 9, 'paid', NULL, NULL, '', '{"amount": "$830.85"}', 'system', NULL, 'System', '2026-11-24 12:11:41+00'),
	(13, 10, 'placed', NULL, 'pending', 'Entered, stock taken', NULL, 'staff', 4, 'Dana Whitlock', '2026-11-24 12:36:35+00'),
	(14, 10, 'paid', NULL, NULL, '', '{"amount": "$350.22"}', 'system', NULL, 'System', '2026-11-24 12:38:35+00'),
	(15, 11, 'placed', NULL, 'pending', 'Entered, stock taken', NULL, 'staff', 8, 'Theo Lindgren', '2026-11-24 14:08:19+00'),
	(16, 12, 'placed', NULL, 'pending', 'Placed in the shop, stock taken', NULL, 'customer', 1, 'Lantern Street Bistro', '2026-11-24 14:43:13+00'),
	(17, 12, 'paid', NULL, NULL, '', '{"amount": "$395.07"}', 'system', NULL, 'System', '2026-11-24 14:45:13+00');
INSERT INTO product (id, name, description, category_id, sku, brand, unit_size, unit_price, bulk_price, bulk_quantity, cost_per_item, in_stock, stock_quantity, reorder_level, image_url, image_hash, barcode, bin_location, ship_weight_oz, ship_box_name, ship_box_length, ship_box_width, ship_box_height, is_customizable, is_active, archived_at, created_at, updated_at, version) VALUES
	(1, 'Aluminum stock pot, 12 qt', '', 1, 'STK-101', 'Ashford Works', 'each', 55.05, 50.47, 6, 33.93, true, 4, 8, NULL, NULL, '2000000161334', 'A-09', 97.20, 'Large', 24.00, 18.00, 16.00, false, true, NULL, '2024-09-15 15:00:00+00', '2026-09-11 18:04:40.340302+00', 1),
	(2, 'Aluminum sauce pan, 4.5 qt', 'For daily use in a busy kitchen; sold by the piece.', 1, 'SAU-101', 'Tallow Creek', 'each', 27.75, NULL, NULL, 16.86, true, 15, 8, NULL, NULL, '2000000261065', 'A-20', 47.60, 'Medium', 16.00, 12.00, 10.00, false, true, NULL, '2024-09-15 15:00:00+00', '2026-04-23 13:40:46.05757+00', 1),
	(3, 'Aluminum fry pan, 14 in', '', 1, 'FRY-101', 'Fennimore', 'each', 36.75, NULL, NULL, 20.86, true, 193, 8, NULL, NULL, '2000000360799', 'A-19', 45.10, 'Medium', 16.00, 12.00, 10.00, false, true, NULL, '2024-09-15 15:00:00+00', '2026-07-21 03:36:09.759786+00', 1),
	(4, 'Cast iron skillet, 6.5 in', '', 1, 'SKL-101', 'Copperline', 'each', 11.15, 10.08, 24, 6.41, true, 22, 24, NULL, NULL, '2000000460529', 'A-24', 40.00, 'Medium', 16.00, 12.00, 10.00, false, true, NULL, '2024-09-15 15:00:00+00', '2026-08-19 19:35:06.539154+00', 1),
	(5, 'Aluminum brazier with lid, 15 qt', 'For daily use in a busy kitchen; sold by the piece.', 1, 'BRZ-101', 'Ashford Works', 'each', 88.35, 76.54, 6, 53.43, true, 17, 8, NULL, NULL, '2000000560250', 'A-10', 175.50, 'Large', 24.00, 18.00, 16.00, false, true, NULL, '2024-09-15 15:00:00+00', '2026-04-20 23:06:12.517848+00', 1),
	(6, 'Carbon steel wok, 16 in', 'For daily use in a busy kitchen; sold by the piece.', 1, 'WOK-101', 'Brightwater', 'each', 39.55, NULL, NULL, 24.02, true, 3, 8, NULL, NULL, '2000000659985', 'A-09', 74.80, 'Large', 24.00, 18.00, 16.00, false, true, NULL, '2024-09-15 15:00:00+00', '2026-03-20 05:28:33.762796+00', 1);
INSERT INTO order_item (id, order_id, "position", product_id, product_name, product_sku, product_brand, product_unit_size, quantity, unit_price, is_bulk_price, line_total, unit_cost) VALUES
	(1, 1, 1, 4, 'Cast iron skillet, 6.5 in', 'SKL-101', 'Copperline', 'each', 20, 11.15, false, 223.00, 6.41),
	(2, 1, 2, 3, 'Aluminum fry pan, 14 in', 'FRY-101', 'Fennimore', 'each', 7, 36.75, false, 257.25, 20.86),
	(3, 1, 3, 1, 'Aluminum stock pot, 12 qt', 'STK-101', 'Ashford Works', 'each', 3, 55.05, false, 165.15, 33.93),
	(4, 2, 1, 1, 'Aluminum stock pot, 12 qt', 'STK-101', 'Ashford Works', 'each', 1, 55.05, false, 55.05, 33.93),
	(5, 2, 2, 5, 'Aluminum brazier with lid, 15 qt', 'BRZ-101', 'Ashford Works', 'each', 1, 88.35, false, 88.35, 53.43),
	(6, 2, 3, 3, 'Aluminum fry pan, 14 in', 'FRY-101', 'Fennimore', 'each', 10, 36.75, false, 367.50, 20.86),
	(7, 2, 4, 4, 'Cast iron skillet, 6.5 in', 'SKL-101', 'Copperline', 'each', 15, 11.15, false, 167.25, 6.41),
	(8, 3, 1, 1, 'Aluminum stock pot, 12 qt', 'STK-101', 'Ashford Works', 'each', 1, 55.05, false, 55.05, 33.93),
	(9, 4, 1, 1, 'Aluminum stock pot, 12 qt', 'STK-101', 'Ashford Works', 'each', 7, 50.47, true, 353.29, 33.93),
	(10, 4, 2, 3, 'Aluminum fry pan, 14 in', 'FRY-101', 'Fennimore', 'each', 1, 36.75, false, 36.75, 20.86),
	(11, 4, 3, 2, 'Aluminum sauce pan, 4.5 qt', 'SAU-101', 'Tallow Creek', 'each', 2, 27.75, false, 55.50, 16.86),
	(12, 4, 4, 5, 'Aluminum brazier with lid, 15 qt', 'BRZ-101', 'Ashford Works', 'each', 1, 88.35, false, 88.35, 53.43),
	(13, 5, 1, 5, 'Aluminum brazier with lid, 15 qt', 'BRZ-101', 'Ashford Works', 'each', 3, 88.35, false, 265.05, 53.43),
	(14, 5, 2, 6, 'Carbon steel wok, 16 in', 'WOK-101', 'Brightwater', 'each', 3, 39.55, false, 118.65, 24.02),
	(15, 6, 1, 3, 'Aluminum fry pan, 14 in', 'FRY-101', 'Fennimore', 'each', 9, 36.75, false, 330.75, 20.86),
	(16, 6, 2, 1, 'Aluminum stock pot, 12 qt', 'STK-101', 'Ashford Works', 'each', 1, 55.05, false, 55.05, 33.93),
	(17, 7, 1, 4, 'Cast iron skillet, 6.5 in', 'SKL-101', 'Copperline', 'each', 10, 11.15, false, 111.50, 6.41),
	(18, 7, 2, 1, 'Aluminum stock pot, 12 qt', 'STK-101', 'Ashford Works', 'each', 9, 50.47, true, 454.23, 33.93),
	(19, 7, 3, 5, 'Aluminum brazier with lid, 15 qt', 'BRZ-101', 'Ashford Works', 'each', 1, 88.35, false, 88.35, 53.43),
	(20, 8, 1, 4, 'Cast iron skillet, 6.5 in', 'SKL-101', 'Copperline', 'each', 1, 11.15, false, 11.15, 6.41),
	(21, 8, 2, 1, 'Aluminum stock pot, 12 qt', 'STK-101', 'Ashford Works', 'each', 5, 55.05, false, 275.25, 33.93),
	(22, 9, 1, 3, 'Aluminum fry pan, 14 in', 'FRY-101', 'Fennimore', 'each', 1, 36.75, false, 36.75, 20.86),
	(23, 9, 2, 1, 'Aluminum stock pot, 12 qt', 'STK-101', 'Ashford Works', 'each', 10, 50.47, true, 504.70, 33.93),
	(24, 9, 3, 2, 'Aluminum sauce pan, 4.5 qt', 'SAU-101', 'Tallow Creek', 'each', 4, 27.75, false, 111.00, 16.86),
	(25, 9, 4, 4, 'Cast iron skillet, 6.5 in', 'SKL-101', 'Copperline', 'each', 16, 11.15, false, 178.40, 6.41),
	(26, 10, 1, 1, 'Aluminum stock pot, 12 qt', 'STK-101', 'Ashford Works', 'each', 1, 55.05, false, 55.05, 33.93),
	(27, 10, 2, 6, 'Carbon steel wok, 16 in', 'WOK-101', 'Brightwater', 'each', 7, 39.55, false, 276.85, 24.02),
	(28, 10, 3, 3, 'Aluminum fry pan, 14 in', 'FRY-101', 'Fennimore', 'each', 1, 36.75, false, 36.75, 20.86),
	(29, 11, 1, 5, 'Aluminum brazier with lid, 15 qt', 'BRZ-101', 'Ashford Works', 'each', 1, 88.35, false, 88.35, 53.43),
	(30, 11, 2, 2, 'Aluminum sauce pan, 4.5 qt', 'SAU-101', 'Tallow Creek', 'each', 1, 27.75, false, 27.75, 16.86),
	(31, 11, 3, 6, 'Carbon steel wok, 16 in', 'WOK-101', 'Brightwater', 'each', 1, 39.55, false, 39.55, 24.02),
	(32, 11, 4, 1, 'Aluminum stock pot, 12 qt', 'STK-101', 'Ashford Works', 'each', 1, 55.05, false, 55.05, 33.93),
	(33, 12, 1, 2, 'Aluminum sauce pan, 4.5 qt', 'SAU-101', 'Tallow Creek', 'each', 2, 27.75, false, 55.50, 16.86),
	(34, 12, 2, 3, 'Aluminum fry pan, 14 in', 'FRY-101', 'Fennimore', 'each', 1, 36.75, false, 36.75, 20.86),
	(35, 12, 3, 1, 'Aluminum stock pot, 12 qt', 'STK-101', 'Ashford Works', 'each', 6, 50.47, true, 302.82, 33.93);
INSERT INTO outbox_message (id, channel, kind, recipient, subject, body_text, body_html, state, attempts, last_error, dedupe_key, order_id, customer_id, created_at, sent_at) VALUES
	(1, 'email', 'order_received', 'camille@lanternstreet.example', 'We have your order LLD-HYSR-2W2A', 'Thank you, Camille Arnaud. This is what you ordered:
20 × Cast iron skillet, 6.5 in (SKL-101): $223.00
7 × Aluminum fry pan, 14 in (FRY-101): $257.25
3 × Aluminum stock pot, 12 qt (STK-101): $165.15
Subtotal $645.40, delivery $0.00, total $645.40.', '', 'sent', 1, '', 'order_received:1', 1, 1, '2026-11-24 08:10:07+00', '2026-11-24 08:10:10+00'),
	(2, 'email', 'order_received', 'camille@lanternstreet.example', 'We have your order LLD-JJ75-FXFY', 'Thank you, Camille Arnaud. This is what you ordered:
1 × Aluminum stock pot, 12 qt (STK-101): $55.05
1 × Aluminum brazier with lid, 15 qt (BRZ-101): $88.35
10 × Aluminum fry pan, 14 in (FRY-101): $367.50
15 × Cast iron skillet, 6.5 in (SKL-101): $167.25
Subtotal $678.15, delivery $0.00, total $678.15.', '', 'sent', 1, '', 'order_received:2', 2, 1, '2026-11-24 08:38:10+00', '2026-11-24 08:38:13+00'),
	(3, 'email', 'order_received', 'camille@lanternstreet.example', 'We have your order LLD-ZNT5-ZL2G', 'Thank you, Camille Arnaud. This is what you ordered:
1 × Aluminum stock pot, 12 qt (STK-101): $55.05
Subtotal $55.05, delivery $25.00, total $80.05.', '', 'sent', 1, '', 'order_received:3', 3, 1, '2026-11-24 08:41:18+00', '2026-11-24 08:41:21+00'),
	(4, 'email', 'order_received', 'greta@indigogrove.example', 'We have your order LLD-6AP7-DQWP', 'Thank you, Greta Dalton. This is what you ordered:
7 × Aluminum stock pot, 12 qt (STK-101): $353.29
1 × Aluminum fry pan, 14 in (FRY-101): $36.75
2 × Aluminum sauce pan, 4.5 qt (SAU-101): $55.50
1 × Aluminum brazier with lid, 15 qt (BRZ-101): $88.35
Subtotal $533.89, delivery $0.00, total $533.89.', '', 'sent', 1, '', 'order_received:4', 4, 5, '2026-11-24 08:53:03+00', '2026-11-24 08:53:06+00'),
	(5, 'email', 'order_received', 'greta@indigogrove.example', 'We have your order LLD-53H3-E4XX', 'Thank you, Greta Dalton. This is what you ordered:
3 × Aluminum brazier with lid, 15 qt (BRZ-101): $265.05
3 × Carbon steel wok, 16 in (WOK-101): $118.65
Subtotal $383.70, delivery $0.00, total $383.70.', '', 'sent', 1, '', 'order_received:5', 5, 5, '2026-11-24 08:57:10+00', '2026-11-24 08:57:13+00'),
	(6, 'email', 'order_received', 'ravi@cloverbridge.example', 'We have your order LLD-B694-8QCG', 'Thank you, Ravi Lombardi. This is what you ordered:
9 × Aluminum fry pan, 14 in (FRY-101): $330.75
1 × Aluminum stock pot, 12 qt (STK-101): $55.05
Subtotal $385.80, delivery $0.00, total $385.80.', '', 'sent', 1, '', 'order_received:6', 6, 3, '2026-11-24 10:38:51+00', '2026-11-24 10:38:54+00'),
	(7, 'email', 'order_received', 'camille@lanternstreet.example', 'We have your order LLD-7XR9-SAR3', 'Thank you, Camille Arnaud. This is what you ordered:
10 × Cast iron skillet, 6.5 in (SKL-101): $111.50
9 × Aluminum stock pot, 12 qt (STK-101): $454.23
1 × Aluminum brazier with lid, 15 qt (BRZ-101): $88.35
Subtotal $654.08, delivery $0.00, total $654.08.', '', 'not_sent', 0, 'SMTP_HOST is not set, so no mail can be sent.', 'order_received:7', 7, 1, '2026-11-24 10:40:10+00', NULL),
	(8, 'email', 'order_received', 'ravi@cloverbridge.example', 'We have your order LLD-L9HX-RBRZ', 'Thank you, Ravi Lombardi. This is what you ordered:
1 × Cast iron skillet, 6.5 in (SKL-101): $11.15
5 × Aluminum stock pot, 12 qt (STK-101): $275.25
Subtotal $286.40, delivery $25.00, total $311.40.', '', 'sent', 1, '', 'order_received:8', 8, 3, '2026-11-24 11:50:05+00', '2026-11-24 11:50:08+00'),
	(9, 'email', 'order_received', 'greta@indigogrove.example', 'We have your order LLD-ND4B-VZRX', 'Thank you, Greta Dalton. This is what you ordered:
1 × Aluminum fry pan, 14 in (FRY-101): $36.75
10 × Aluminum stock pot, 12 qt (STK-101): $504.70
4 × Aluminum sauce pan, 4.5 qt (SAU-101): $111.00
16 × Cast iron skillet, 6.5 in (SKL-101): $178.40
Subtotal $830.85, delivery $0.00, total $830.85.', '', 'sent', 1, '', 'order_received:9', 9, 5, '2026-11-24 12:09:41+00', '2026-11-24 12:09:44+00'),
	(10, 'email', 'order_received', 'greta@indigogrove.example', 'We have your order LLD-FWXK-EVLT', 'Thank you, Greta Dalton. This is what you ordered:
1 × Aluminum stock pot, 12 qt (STK-101): $55.05
7 × Carbon steel wok, 16 in (WOK-101): $276.85
1 × Aluminum fry pan, 14 in (FRY-101): $36.75
Subtotal $368.65, delivery $0.00, total $350.22.', '', 'sent', 1, '', 'order_received:10', 10, 5, '2026-11-24 12:36:35+00', '2026-11-24 12:36:38+00'),
	(11, 'email', 'order_received', 'hana@paprikasparrow.example', 'We have your order LLD-SBC3-8CFU', 'Thank you, Hana Dalton. This is what you ordered:
1 × Aluminum brazier with lid, 15 qt (BRZ-101): $88.35
1 × Aluminum sauce pan, 4.5 qt (SAU-101): $27.75
1 × Carbon steel wok, 16 in (WOK-101): $39.55
1 × Aluminum stock pot, 12 qt (STK-101): $55.05
Subtotal $210.70, delivery $25.00, total $235.70.', '', 'failed', 5, '550 5.1.1 The address is not known here', 'order_received:11', 11, 4, '2026-11-24 14:08:19+00', NULL),
	(12, 'email', 'order_received', 'camille@lanternstreet.example', 'We have your order LLD-UU3F-UN94', 'Thank you, Camille Arnaud. This is what you ordered:
2 × Aluminum sauce pan, 4.5 qt (SAU-101): $55.50
1 × Aluminum fry pan, 14 in (FRY-101): $36.75
6 × Aluminum stock pot, 12 qt (STK-101): $302.82
Subtotal $395.07, delivery $0.00, total $395.07.', '', 'sent', 1, '', 'order_received:12', 12, 1, '2026-11-24 14:43:13+00', '2026-11-24 14:43:16+00');
INSERT INTO outbox_attachment (message_id, "position", filename, content_type, data) VALUES
	(1, 1, 'invoice.pdf', 'application/pdf', '\x255044462d312e37');
INSERT INTO paper_check (id, order_id, state, amount, payment_id, actor_kind, actor_id, actor_name, created_at, reviewed_by, reviewed_at, review_note) VALUES
	(1, 1, 'rejected', 12.34, NULL, '', NULL, '', '2026-11-29 02:58:49.714352+00', '', NULL, '');
INSERT INTO paper_check_image (check_id, side, content_type, data, object_key) VALUES
	(1, 'front', 'image/jpeg', '\x66726f6e74', ''),
	(1, 'back', 'image/jpeg', NULL, 'checks/1/back');
INSERT INTO pay_link (id, order_id, token_hash, amount, expires_at, actor_kind, actor_id, actor_name, created_at) VALUES
	(1, 1, 'hash of a link', 0.00, '2026-12-29 02:58:49.714352+00', '', NULL, '', '2026-11-29 02:58:49.714352+00');
INSERT INTO pgqueuer (id, priority, queue_manager_id, created, updated, heartbeat, execute_after, status, entrypoint, dedupe_key, payload, headers, attempts, slot) VALUES
	(1, 0, NULL, '2026-11-29 02:58:49.714352+00', '2026-11-29 02:58:49.714352+00', '2026-11-29 02:58:49.714352+00', '2026-11-29 02:58:49.714352+00', 'queued', 'send_message', NULL, '\x31', NULL, 0, NULL),
	(2, 0, NULL, '2026-11-29 02:58:49.714352+00', '2026-11-29 02:58:49.714352+00', '2026-11-29 02:58:49.714352+00', '2026-11-29 02:58:49.714352+00', 'queued', 'send_message', NULL, '\x32', NULL, 0, NULL);
INSERT INTO product_image (id, product_id, sort_order, is_primary, content_type, width, height, size_bytes, sha256, created_at) VALUES
	(1, 1, 0, false, 'image/png', 10, 10, 4, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '2026-11-29 02:58:49.714352+00');
INSERT INTO product_image_data (image_id, original, thumbnail) VALUES
	(1, '\x6f726967', '\x7468756d62');
INSERT INTO rate_limit (name, caller, used, window_ends_at) VALUES
	('orders', 'guest:127.0.0.1', 1, '2026-11-29 02:58:49.714352+00');
INSERT INTO revoked_token (jti, staff_id, expires_at) VALUES
	('a token', NULL, '2026-11-29 03:58:49.714352+00');
INSERT INTO savings_request (id, name, restaurant_name, address, city, state, phone, email, rd_customer_number, invoice_type, invoice, created_at, answered_at, answered_by) VALUES
	(3, 'Ada Moreau', 'Café Moreau', '310 Clark Street', 'Chicago', 'IL', '+13125550124', 'ada@moreau.example', '', '', NULL, '2026-11-24 12:00:00+00', NULL, ''),
	(1, 'Paula Brandt', 'Brandt’s Corner', '19 Mill Street', 'Oak Park', 'IL', '+17085550117', 'paula@corner.example', '', 'image/png', '\x89504e47', '2026-11-15 15:00:00+00', '2026-11-20 03:00:00+00', 'Nora Castellane'),
	(2, 'Theo Lindgren', 'North Pier Grill', '4 Pier Road', 'Evanston', 'IL', '+18475550163', 'theo@northpier.example', 'RD-20417', 'image/png', '\x89504e47', '2026-11-22 15:00:00+00', NULL, '');
INSERT INTO stock_movement (id, product_id, delta, level_after, reason, order_id, note, unit_cost, vendor_name, actor_kind, actor_id, actor_name, created_at) VALUES
	(1, 6, 14, 14, 'opening', NULL, '', NULL, '', 'system', NULL, 'System', '2026-10-24 15:00:00+00'),
	(2, 1, 49, 49, 'opening', NULL, '', NULL, '', 'system', NULL, 'System', '2026-10-24 15:00:00+00'),
	(3, 4, 84, 84, 'opening', NULL, '', NULL, '', 'system', NULL, 'System', '2026-10-24 15:00:00+00'),
	(4, 3, 199, 199, 'opening', NULL, '', NULL, '', 'system', NULL, 'System', '2026-10-24 15:00:00+00'),
	(5, 5, 24, 24, 'received', NULL, '', NULL, '', 'staff', 5, 'Sam Okafor', '2026-11-06 08:09:56.066988+00'),
	(6, 3, 24, 223, 'received', NULL, '', NULL, '', 'staff', 5, 'Sam Okafor', '2026-11-07 07:57:09.890978+00'),
	(7, 2, 24, 24, 'received', NULL, '', NULL, '', 'staff', 5, 'Sam Okafor', '2026-11-20 02:42:00.355082+00'),
	(8, 4, -20, 64, 'order_placed', 1, '', NULL, '', 'customer', 1, 'Lantern Street Bistro', '2026-11-24 08:10:07+00'),
	(9, 3, -7, 216, 'order_placed', 1, '', NULL, '', 'customer', 1, 'Lantern Street Bistro', '2026-11-24 08:10:07+00'),
	(10, 1, -3, 46, 'order_placed', 1, '', NULL, '', 'customer', 1, 'Lantern Street Bistro', '2026-11-24 08:10:07+00'),
	(11, 4, -15, 49, 'order_placed', 2, '', NULL, '', 'customer', 1, 'Lantern Street Bistro', '2026-11-24 08:38:10+00'),
	(12, 3, -10, 206, 'order_placed', 2, '', NULL, '', 'customer', 1, 'Lantern Street Bistro', '2026-11-24 08:38:10+00'),
	(13, 5, -1, 23, 'order_placed', 2, '', NULL, '', 'customer', 1, 'Lantern Street Bistro', '2026-11-24 08:38:10+00'),
	(14, 1, -1, 45, 'order_placed', 2, '', NULL, '', 'customer', 1, 'Lantern Street Bistro', '2026-11-24 08:38:10+00'),
	(15, 1, -1, 44, 'order_placed', 3, '', NULL, '', 'staff', 8, 'Theo Lindgren', '2026-11-24 08:41:18+00'),
	(16, 1, -7, 37, 'order_placed', 4, '', NULL, '', 'staff', 3, 'June Abernathy', '2026-11-24 08:53:03+00'),
	(17, 2, -2, 22, 'order_placed', 4, '', NULL, '', 'staff', 3, 'June Abernathy', '2026-11-24 08:53:03+00'),
	(18, 5, -1, 22, 'order_placed', 4, '', NULL, '', 'staff', 3, 'June Abernathy', '2026-11-24 08:53:03+00'),
	(19, 3, -1, 205, 'order_placed', 4, '', NULL, '', 'staff', 3, 'June Abernathy', '2026-11-24 08:53:03+00'),
	(20, 6, -3, 11, 'order_placed', 5, '', NULL, '', 'system', NULL, 'System', '2026-11-24 08:57:10+00'),
	(21, 5, -3, 19, 'order_placed', 5, '', NULL, '', 'system', NULL, 'System', '2026-11-24 08:57:10+00'),
	(22, 3, -9, 196, 'order_placed', 6, '', NULL, '', 'staff', 3, 'June Abernathy', '2026-11-24 10:38:51+00'),
	(23, 1, -1, 36, 'order_placed', 6, '', NULL, '', 'staff', 3, 'June Abernathy', '2026-11-24 10:38:51+00'),
	(24, 4, -10, 39, 'order_placed', 7, '', NULL, '', 'staff', 8, 'Theo Lindgren', '2026-11-24 10:40:10+00'),
	(25, 1, -9, 27, 'order_placed', 7, '', NULL, '', 'staff', 8, 'Theo Lindgren', '2026-11-24 10:40:10+00'),
	(26, 5, -1, 18, 'order_placed', 7, '', NULL, '', 'staff', 8, 'Theo Lindgren', '2026-11-24 10:40:10+00'),
	(27, 1, -5, 22, 'order_placed', 8, '', NULL, '', 'staff', 3, 'June Abernathy', '2026-11-24 11:50:05+00'),
	(28, 4, -1, 38, 'order_placed', 8, '', NULL, '', 'staff', 3, 'June Abernathy', '2026-11-24 11:50:05+00'),
	(29, 4, -16, 22, 'order_placed', 9, '', NULL, '', 'staff', 8, 'Theo Lindgren', '2026-11-24 12:09:41+00'),
	(30, 1, -10, 12, 'order_placed', 9, '', NULL, '', 'staff', 8, 'Theo Lindgren', '2026-11-24 12:09:41+00'),
	(31, 2, -4, 18, 'order_placed', 9, '', NULL, '', 'staff', 8, 'Theo Lindgren', '2026-11-24 12:09:41+00'),
	(32, 3, -1, 195, 'order_placed', 9, '', NULL, '', 'staff', 8, 'Theo Lindgren', '2026-11-24 12:09:41+00'),
	(33, 6, -7, 4, 'order_placed', 10, '', NULL, '', 'staff', 4, 'Dana Whitlock', '2026-11-24 12:36:35+00'),
	(34, 3, -1, 194, 'order_placed', 10, '', NULL, '', 'staff', 4, 'Dana Whitlock', '2026-11-24 12:36:35+00'),
	(35, 1, -1, 11, 'order_placed', 10, '', NULL, '', 'staff', 4, 'Dana Whitlock', '2026-11-24 12:36:35+00'),
	(36, 5, -1, 17, 'order_placed', 11, '', NULL, '', 'staff', 8, 'Theo Lindgren', '2026-11-24 14:08:19+00'),
	(37, 2, -1, 17, 'order_placed', 11, '', NULL, '', 'staff', 8, 'Theo Lindgren', '2026-11-24 14:08:19+00'),
	(38, 1, -1, 10, 'order_placed', 11, '', NULL, '', 'staff', 8, 'Theo Lindgren', '2026-11-24 14:08:19+00'),
	(39, 6, -1, 3, 'order_placed', 11, '', NULL, '', 'staff', 8, 'Theo Lindgren', '2026-11-24 14:08:19+00'),
	(40, 1, -6, 4, 'order_placed', 12, '', NULL, '', 'customer', 1, 'Lantern Street Bistro', '2026-11-24 14:43:13+00'),
	(41, 2, -2, 15, 'order_placed', 12, '', NULL, '', 'customer', 1, 'Lantern Street Bistro', '2026-11-24 14:43:13+00'),
	(42, 3, -1, 193, 'order_placed', 12, '', NULL, '', 'customer', 1, 'Lantern Street Bistro', '2026-11-24 14:43:13+00');
INSERT INTO stripe_intent (id, kind, state, order_id, customer_id, pay_link_id, payment_id, amount, idempotency_key, parameters, provider_id, payment_intent_id, url, expires_at, last_error, attempts, next_ask_at, settled_at, caller, client_key, request_hash, actor_kind, actor_id, actor_name, created_at, updated_at) VALUES
	(1, 'card', 'unknown', 1, NULL, NULL, NULL, 12.34, 'first-intent', '{"amount": 1234}', NULL, NULL, '', NULL, '', 0, '2026-11-29 02:58:49.714352+00', NULL, '', '', '', '', NULL, '', '2026-11-29 02:58:49.714352+00', '2026-11-29 02:58:49.714352+00');
INSERT INTO webhook_event (id, provider, event_id, kind, payload, attempts, last_error, received_at, processed_at) VALUES
	(1, 'stripe', 'evt_first', 'payment_intent.succeeded', '{"id": "evt_first"}', 0, '', '2026-11-29 02:58:49.714352+00', NULL);
INSERT INTO payment (id, order_id, customer_id, refunds_payment_id, method, state, amount, applied_amount, note, actor_kind, actor_id, actor_name, created_at) VALUES
	(5, 9, 5, 2, 'credit_card', 'succeeded', -20.00, -20.00, 'Bent pan', 'staff', 1, 'Demo Administrator', '2026-11-24 13:00:00+00');
UPDATE orders SET amount_paid = amount_paid - 20, payment_status = 'partially_refunded' WHERE id = 9;
INSERT INTO outbox_message (id, channel, kind, recipient, subject, body_text, state, created_at, sent_at) VALUES
	(1000, 'email', 'password_reset', 'camille@lanternstreet.example', 'Set a new password', 'https://shop.example/reset?token=Zm9yZ290dGVu', 'sent', '2026-11-20 13:00:00+00', '2026-11-20 13:00:01+00');
SELECT pg_catalog.setval('api_key_id_seq', 1, true);
SELECT pg_catalog.setval('audit_entry_id_seq', 6, true);
SELECT pg_catalog.setval('category_id_seq', 12, true);
SELECT pg_catalog.setval('credit_entry_id_seq', 1, true);
SELECT pg_catalog.setval('customer_id_seq', 5, true);
SELECT pg_catalog.setval('job_run_id_seq', 2, true);
SELECT pg_catalog.setval('login_session_id_seq', 2, true);
SELECT pg_catalog.setval('one_time_code_id_seq', 1, true);
SELECT pg_catalog.setval('order_event_id_seq', 17, true);
SELECT pg_catalog.setval('order_item_id_seq', 35, true);
SELECT pg_catalog.setval('orders_id_seq', 12, true);
SELECT pg_catalog.setval('outbox_message_id_seq', 12, true);
SELECT pg_catalog.setval('paper_check_id_seq', 1, true);
SELECT pg_catalog.setval('pay_link_id_seq', 1, true);
SELECT pg_catalog.setval('payment_id_seq', 5, true);
SELECT pg_catalog.setval('pgqueuer_id_seq', 2, true);
SELECT pg_catalog.setval('pgqueuer_log_id_seq', 1, false);
SELECT pg_catalog.setval('pgqueuer_schedules_id_seq', 1, false);
SELECT pg_catalog.setval('pgqueuer_statistics_id_seq', 1, false);
SELECT pg_catalog.setval('product_id_seq', 6, true);
SELECT pg_catalog.setval('product_image_id_seq', 1, true);
SELECT pg_catalog.setval('savings_request_id_seq', 3, true);
SELECT pg_catalog.setval('staff_id_seq', 10, true);
SELECT pg_catalog.setval('stock_movement_id_seq', 42, true);
SELECT pg_catalog.setval('stripe_intent_id_seq', 1, true);
SELECT pg_catalog.setval('webhook_event_id_seq', 1, true);
