"""Configures schemathesis for the API: strings of our own formats, and when a valid request may be refused.

Loaded by schemathesis itself (`SCHEMATHESIS_HOOKS`), in a process of its own.
"""

import re
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, CheckContext, GenerationMode, Response, openapi
from schemathesis.specs.openapi.checks import negative_data_rejection

PHONES = ("(216) 555-0148", "+1 312-555-0193", "4045550177", "+49 30 901820")
# Rules that JSON Schema can't express, by their error sentences.
BEYOND_A_SCHEMA = re.compile(
    # Between fields, or between the rows of a list.
    r"or an? (valid )?(email|phone) is|give a phone|unless a file|without the other|or else|must name a product"
    r"|more than once|exactly once|at least one|is required|needs|is not the SKU|must not be above|the customer to keep"
    # About existing records, or the caller's rights.
    r"|of a listed order|how this customer|one of our|is unknown|an active sales rep|not sold|colleague's id"
    r"|must not be store_credit|has fewer pages|be in the past|is in the future"
    # About the meaning of text: visible characters, allowed letters, a check digit, a real address.
    r"|at least 1 characters|NUL|must consist of letters|may contain an @|most common|one line that|check digit"
    r"|issued by the ABA|email address like|a phone number|must begin with https"
    r"|between the years|must not be 0|like 26x18"
)
# Valid rows are accepted although others are bad.
ROWS_ALONE = ("/products/bulk", "/products/bulk-save")
openapi.format("phone", st.sampled_from(PHONES))


@schemathesis.check
def what_fits_is_taken(ctx: CheckContext, response: Response, case: Case[Any]) -> None:  # noqa: ARG001 - their signature
    """A request that matches the document is not malformed; the act may still refuse it with its own code."""
    if response.status_code != 400 or case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    refusal = response.json()
    said = refusal.get("fields") or {"": refusal["error"]}
    odd = {name: why for name, why in said.items() if not BEYOND_A_SCHEMA.search(why)}
    assert refusal["code"] != "invalid_input" or not odd, f"A fitting request is called malformed: {odd}"


@schemathesis.check
def what_misfits_is_refused(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """schemathesis' own check for invalid requests, for operations that refuse a request as a whole."""
    return None if case.path.endswith(ROWS_ALONE) else negative_data_rejection(ctx, response, case)
