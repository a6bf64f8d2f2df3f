"""What quart-schema leaves out of the OpenAPI document: descriptions, headers, files, tags and servers."""

from collections.abc import Iterator
from typing import Any

from api.examples import add_example
from api.vocabulary import VOCABULARY

METHODS = {"get", "post", "put", "patch", "delete"}
TAGS = {
    "accounts": "Accounts of the shop: registering, signing in, phone codes, profile.",
    "admin_products": "Products as administrators keep them: details, pictures, the gallery.",
    "boxes": "Which boxes a product is packed in.",
    "calling": "The calling list of the sales team: entries, marks, assignment, upload.",
    "catalogue": "Products, pictures and categories that anyone may read.",
    "commissions": "What reps earn by their orders, and what of it is paid.",
    "credit": "Store credit of customers.",
    "imports": "Orders from files: upload, progress, template.",
    "inventory": "Stock levels, thresholds and goods that come in.",
    "invoices": "Invoices, their PDFs, and whose they are.",
    "order_desk": "Orders as staff work on them: entering, changing, assigning, paying.",
    "orders": "Placing, reading and tracking orders in the shop.",
    "payments": "Cards, pay links, photos of checks and their review.",
    "procurement": "Vendors, their products and our purchase terms.",
    "product_sync": "Products and stock from another system, by API key.",
    "reports": "Revenue, profit and counts.",
    "sales": "What a rep needs at the phone: customers, catalog, orders, performance.",
    "scores": "How likely a customer is to order again.",
    "staff_accounts": "Signing in as staff, the own profile, and the accounts of colleagues.",
    "staff_customers": "Customers as staff know them: search, terms, merging, import, export.",
    "storefront": "Requests that the shop's pages send.",
    "subscriptions": "Orders that repeat themselves, and their renewals.",
    "system": "Mail checks for administrators.",
    "voice_outbound": "Calls that our voice agents make, and how they ended.",
    "voice_review": "Judging the calls of voice agents, and what to change.",
    "voice_tools": "What a voice agent may look up and do during a call.",
    "warehouse": "Packing, labels, shipping and delivery.",
    "webhooks": "Events from Stripe, EasyPost, Twilio and ElevenLabs, each signed by its sender.",
}
# What a header of an answer means.
HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ETag": ("The version of the answer; send it back as If-None-Match.", {"type": "string"}),
    "Retry-After": ("Seconds after which another try makes sense.", {"type": "integer", "minimum": 0}),
    "Idempotent-Replay": ("true when this is the first answer again.", {"type": "string", "const": "true"}),
    "X-Total-Count": ("How many rows there are in all.", {"type": "integer", "minimum": 0}),
    "Location": ("Where to go on.", {"type": "string"}),
}
# What a header of a request means; a signature is that of the service over the body as it was sent.
REQUEST_HEADERS = {
    "If-None-Match": "The ETag of the answer that you have: 304 without a body while it holds.",
    "Idempotency-Key": "A repeat with the same key and body within a day gets the first answer again.",
    "Stripe-Signature": "Stripe's signature.",
    "X-Hmac-Signature": "EasyPost's signature.",
    "X-Hmac-Signature-V2": "EasyPost's newer signature, over time, method, path and body.",
    "X-Timestamp": "When EasyPost signed.",
    "X-Path": "The path that EasyPost signed.",
    "X-Twilio-Signature": "Twilio's signature over the address and the fields.",
    "ElevenLabs-Signature": "ElevenLabs' signature, with its time.",
}
INTRODUCTION = """\
The JSON API of {company}: the shop, the order desk, the warehouse, product sync and voice tools.

Sign in by cookie (customers and the portal), by JWT (a colleague's program) or by `X-API-Key` (another system). Money
is a number of US dollars with at most two decimals, an instant is ISO 8601 in UTC. Every refusal is
`{{"error": …, "code": …}}`; the codes of an operation stand with its answers. Every answer carries `X-Request-Id`.

The guide `docs/api.md` starts in five minutes, with examples in curl, Python and JavaScript.
"""


def complete(document: dict[str, Any], *, public_url: str, company: str, email: str) -> None:
    """Add what is missing to a document that quart-schema made, in place."""
    address = public_url.rstrip("/")
    document["servers"] = [{"url": address, "description": "This installation"}]
    document["info"] |= {
        "description": INTRODUCTION.format(company=company),
        "contact": {"name": company, "url": address} | ({"email": email} if email else {}),
        "license": {"name": f"For partners of {company}", "url": f"{address}/docs"},
    }
    used = sorted({tag for _, operation in operations(document) for tag in operation.get("tags", [])})
    document["tags"] = [
        {"name": tag, "description": TAGS.get(tag, f"{tag.replace('_', ' ').capitalize()}.")} for tag in used
    ]
    for _, operation in operations(document):
        # The summary is the first sentence; the description says it again, with what follows.
        said = (operation["summary"], operation.get("description", "").strip())
        operation["description"] = "\n\n".join(text for text in said if text)
        operation["summary"] = operation["summary"].rstrip(".")
        if body := operation.get("requestBody"):
            body.setdefault("required", not operation.pop("x-optional-body", False))
        for answer in operation["responses"].values():
            answer["description"] = answer.get("description") or "Success"
        for parameter in operation.get("parameters", []):
            parameter.setdefault("description", VOCABULARY.get(parameter["name"], ""))
            _drop_bad_default(parameter.get("schema", {}))
        add_example(operation)
    for _, name, schema in properties(document):
        if not schema.get("description") and (words := VOCABULARY.get(name)):
            schema["description"] = words
        _drop_bad_default(schema)
    _translate_bounds(document["paths"])
    _translate_bounds(document["components"])


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation with its method and path, such as `GET /api/orders`."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", operation


def properties(part: Any, place: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each property of each object schema within a part of the document: its place, name and schema."""
    if isinstance(part, list):
        for number, inner in enumerate(part):
            yield from properties(inner, f"{place}/{number}")
    elif isinstance(part, dict):
        named = part.get("properties")
        if isinstance(named, dict) and part.get("type", "object") == "object":
            for name, schema in named.items():
                if isinstance(schema, dict):
                    yield f"{place}/{name}", name, schema
        for key, inner in part.items():
            if key not in {"example", "examples", "default"}:
                yield from properties(inner, f"{place}/{key}")


def describe_header(name: str) -> dict[str, Any]:
    """A response header in OpenAPI form."""
    words, schema = HEADERS[name]
    return {"description": words, "schema": schema}


def _translate_bounds(part: Any) -> None:
    """Rename bounds that Pydantic leaves under its own names to those of JSON Schema."""
    if isinstance(part, list):
        for inner in part:
            _translate_bounds(inner)
    elif isinstance(part, dict):
        if isinstance(least := part.get("ge"), int):
            part["minimum"] = max(part.pop("ge"), part.get("minimum", least))
        if isinstance(most := part.get("le"), int):
            part["maximum"] = min(part.pop("le"), part.get("maximum", most))
        for inner in part.values():
            _translate_bounds(inner)


def _drop_bad_default(schema: dict[str, Any]) -> None:
    """Drop a default that its own schema refuses, or convert it to the schema's type: a generated client can't use
    it."""
    if "default" not in schema:
        return
    default = schema["default"]
    kinds = {
        schema.get("type"),
        *(option.get("type") for option in schema.get("anyOf", ()) if isinstance(option, dict)),
    }
    if isinstance(default, str) and kinds & {"number", "integer"} and "string" not in kinds:
        schema["default"] = float(default)
    shortest = schema.get("minLength") or 0
    if isinstance(default, str) and len(default) < shortest:
        del schema["default"]
