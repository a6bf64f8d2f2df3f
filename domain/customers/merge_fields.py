"""Decides, field by field, which value is kept when two customers are merged. Pure: rows are plain values."""

from typing import Any

Row = dict[str, Any]
_GAPS = (
    "first_name", "last_name", "company_name", "email", "billing_email", "contact_role", "business_type",
    "business_ein", "resale_certificate", "state_of_operation", "timezone", "po_number", "external_id",
    "claimed_order_id", "sales_rep_id",
)  # fmt: skip
_ADDRESS = ("street", "city", "state", "zip", "country")
_SIGN_IN = ("password_hash", "google_subject", "failed_sign_ins", "locked_until")


def list_numbers(*rows: Row) -> list[str]:
    """Return all phone numbers of these customers, without duplicates."""
    return sorted({row[name] for row in rows for name in ("phone", "phone2") if row[name]})


def choose_values(kept: Row, merged: Row, chosen: Row) -> Row:
    """Return the columns of the kept row after the merge: the chosen value, else its own, else the merged one's."""
    values: Row = {name: kept[name] or merged[name] for name in _GAPS} | chosen
    values |= _choose_phones(kept, merged) | _choose_sign_in(kept, merged, values)
    for kind in ("shipping", "billing"):
        winner = kept if kept[f"{kind}_street"] or kept[f"{kind}_city"] else merged
        values |= {f"{kind}_{part}": winner[f"{kind}_{part}"] for part in _ADDRESS}
    notes = [row["notes"] for row in (kept, merged) if row["notes"]]
    values["notes"] = "\n".join(dict.fromkeys(notes))
    # The stricter value is kept, and the earlier date.
    values["do_not_call"] = kept["do_not_call"] or merged["do_not_call"]
    values["do_not_call_note"] = kept["do_not_call_note"] or merged["do_not_call_note"]
    values["do_not_text"] = kept["do_not_text"] or merged["do_not_text"]
    values["created_at"] = min(kept["created_at"], merged["created_at"])
    values["version"] = kept["version"] + 1
    return values


def _choose_phones(kept: Row, merged: Row) -> Row:
    """The kept phone stays first; other numbers of the merged customer fill empty fields."""
    if not kept["phone"] and not kept["phone_raw"]:
        first = {name: merged[name] for name in ("phone", "phone_raw", "phone_label", "phone_verified_at")}
    else:
        first = {name: kept[name] for name in ("phone", "phone_raw", "phone_label", "phone_verified_at")}
    candidates = [
        (kept["phone2"], kept["phone2_label"]),
        (merged["phone"], merged["phone_label"]),
        (merged["phone2"], merged["phone2_label"]),
    ]
    second = next(((phone, label) for phone, label in candidates if phone and phone != first["phone"]), (None, ""))
    return first | {"phone2": second[0], "phone2_label": second[1]}


def _choose_sign_in(kept: Row, merged: Row, values: Row) -> Row:
    """The merged customer's sign-in is kept if the kept one has none."""
    email = (values["email"] or "").lower()
    proven = next(
        (row["email_verified_at"] for row in (kept, merged) if email and (row["email"] or "").lower() == email), None
    )
    found: Row = {"email_verified_at": proven}
    signs_in = kept["password_hash"] or kept["google_subject"]
    if not signs_in and (merged["password_hash"] or merged["google_subject"]):
        found |= {name: merged[name] for name in _SIGN_IN}
        found["is_demo"] = kept["is_demo"] or merged["is_demo"]
        if "@" not in merged["username"] or merged["username"].lower() == email:
            found["username"] = merged["username"]
    elif (kept["email"] or "").lower() == kept["username"].lower() and email:
        found["username"] = values["email"]
    return found
