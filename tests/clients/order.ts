// A program of a partner's: it signs in, looks for something, orders it and tracks it, by generated types alone.
import createClient from "openapi-fetch";

import type { paths } from "./schema.js";

declare const process: { env: Record<string, string | undefined> };

const shop = createClient<paths>({ baseUrl: process.env["BASE"] ?? "" });

function demand<T>(value: T | undefined, what: unknown): T {
  if (value === undefined) throw new Error(JSON.stringify(what));
  return value;
}

const wrong = await shop.POST("/api/auth/login", { body: { username: "bistro", password: "not it" } });
if (wrong.error?.code !== "invalid_credentials") throw new Error("A wrong password signed in.");

const signedIn = await shop.POST("/api/auth/login", { body: { username: "bistro", password: "demo-demo" } });
demand(signedIn.data, signedIn.error);
const headers = { Cookie: signedIn.response.headers.getSetCookie().map((cookie) => cookie.split(";")[0]).join("; ") };

const found = await shop.GET("/api/products", { params: { query: { per_page: 1 } } });
const product = demand(demand(found.data, found.error).products[0], "No product is sold.");

const placed = await shop.POST("/api/orders", {
  headers,
  params: { header: { "Idempotency-Key": "generated-typescript" } },
  body: {
    items: [{ product_id: product.id, quantity: 2 }],
    delivery_name: "Bistro",
    delivery_address: "12 Elm Street",
    delivery_city: "Chicago",
    delivery_state: "IL",
    delivery_zip: "60607",
  },
});
const number: string = demand(placed.data, placed.error).order.order_number;
const tracked = await shop.GET("/api/orders/{order_number}", { params: { path: { order_number: number } } });
if (demand(tracked.data, tracked.error).order.status !== "pending") throw new Error("The order is not pending.");
const own = await shop.GET("/api/orders", { headers });
if (!demand(own.data, own.error).some((order) => order.order_number === number)) {
  throw new Error("The order is not listed.");
}
console.log(number);
