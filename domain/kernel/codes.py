"""The codes of all refusals, so that client programs can tell them apart."""

from enum import StrEnum
from typing import Self


class Code(StrEnum):
    """The snake_case name of a refusal, with its HTTP status, its meaning, and the additional keys of its answer."""

    status: int
    meaning: str
    keys: tuple[str, ...]

    def __new__(cls, name: str, status: int, meaning: str, *keys: str) -> Self:
        """Make a code. `status` is the HTTP status; `keys` may be in the answer in addition to `error` and `code`."""
        code = str.__new__(cls, name)
        code._value_ = name
        code.status, code.meaning, code.keys = status, meaning, keys
        return code

    ACCOUNT_CLOSED = "account_closed", 403, "The account is closed"
    ACTIVE_PDF = "active_pdf", 400, "The PDF contains active content"
    ALREADY_LISTED = "already_listed", 409, "The phone number is on the calling list already"
    ALREADY_PAID = "already_paid", 409, "Nothing is left to pay"
    AMOUNT_DIFFERS = "amount_differs", 409, "The amount is not the order's balance", "balance"
    BAD_FILE = "bad_file", 400, "The file can't be read"
    BAD_IMAGE = "bad_image", 400, "The picture can't be read"
    BAD_REQUEST = "bad_request", 400, "The request can't be read"
    BAD_SIGNATURE = "bad_signature", 400, "The event is not signed by the service it should come from"
    BARCODE_TAKEN = "barcode_taken", 409, "Another product has the barcode"
    CANCEL_INSTEAD = "cancel_instead", 409, "The order has a payment, label or invoice and can only be cancelled"
    CHECKOUT_CLOSED = "checkout_closed", 409, "The checkout page of this payment is closed"
    CHECK_REPLACED = "check_replaced", 409, "Newer photos of the check were uploaded"
    CONFIRM_FIRST = "confirm_first", 409, "This can't be undone and must be confirmed"
    CONFLICT = "conflict", 409, "The record's state does not allow it"
    CREDIT_TOO_LARGE = "credit_too_large", 409, "The store credit would exceed the largest possible amount"
    DAMAGED_IMAGE = "damaged_image", 400, "The picture is damaged"
    DEMO_USER_IS_LOCAL = "demo_user_is_local", 403, "Demo users sign in from the server's own machine only"
    DISCOUNT_TOO_LARGE = "discount_too_large", 400, "The discount is larger than the role or the order allows"
    DO_NOT_TEXT = "do_not_text", 409, "The number opted out with STOP and gets no texts"
    EASYPOST_KEY_REFUSED = "easypost_key_refused", 502, "EasyPost refuses our key"
    EMAIL_TAKEN = "email_taken", 409, "The email belongs to another account", "duplicate_field", "hint"
    EMAIL_VERIFICATION_REQUIRED = (
        "email_verification_required",
        403,
        "The email must be verified first",
        "email_verification_required",
    )
    FOREIGN_PAGE = "foreign_page", 403, "Pages of another origin may not use this cookie"
    GALLERY_FULL = "gallery_full", 409, "The gallery is full"
    GONE_MEANWHILE = "gone_meanwhile", 409, "A record that the request needs was deleted in the meantime"
    GOOGLE_EMAIL_MISSING = "google_email_missing", 400, "Google returned no usable email"
    GOOGLE_EMAIL_NOT_VERIFIED = "google_email_not_verified", 403, "Google has not verified the email"
    GOOGLE_REFUSED = "google_refused", 401, "Google refused the sign-in"
    HAS_BALANCE = "has_balance", 409, "The account still owes money"
    HAS_CREDIT = "has_credit", 409, "The account still has store credit"
    HAS_PAYMENT = "has_payment", 409, "A payment of the account is in progress"
    HAS_LABEL = "has_label", 409, "The order has a label already"
    HAS_SUBSCRIPTION = "has_subscription", 409, "The account has a running subscription"
    IDEMPOTENCY_KEY_REUSED = (
        "idempotency_key_reused",
        422,
        "The idempotency key was already used for a different request",
    )
    INTERNAL_ERROR = "internal_error", 500, "An internal error; it has been logged"
    INVALID_CODE = "invalid_code", 400, "The code is wrong or used up"
    INVALID_CREDENTIALS = "invalid_credentials", 401, "The username or the password is wrong"
    INVALID_INPUT = "invalid_input", 400, "Fields are missing or wrong; `fields` names each", "fields"
    INVALID_JSON = "invalid_json", 400, "The body is not valid JSON"
    INVALID_TOKEN = "invalid_token", 400, "The link is used, expired or wrong"
    INVOICE_FOLLOWS_ORDER = "invoice_follows_order", 409, "The amounts of the invoice come from its order"
    INVOICE_PAID = "invoice_paid", 409, "The invoice is paid; its amounts can't change"
    INVOICE_VOID = "invoice_void", 409, "The invoice is void"
    LABEL_PENDING = (
        "label_pending",
        502,
        "The carrier has not answered; repeat the request to get the label once it is known",
        "label_ids",
    )
    LABEL_REFUSED = "label_refused", 502, "The carrier refused to sell the label", "failed", "label_ids"
    LABEL_VOIDED = "label_voided", 409, "The label is void already", "ep_refund_status"
    LAST_ADMIN = "last_admin", 409, "The last active administrator can't be removed"
    LINK_OVER = "link_over", 409, "The link was used or is no longer needed"
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, "The URL does not support this method"
    MORE_THAN_PAID = "more_than_paid", 409, "The refund is larger than what was paid", "refundable"
    NAME_TAKEN = "name_taken", 409, "The name is taken"
    NOTHING_SHORT = "nothing_short", 409, "Nothing of the order is missing"
    NOTHING_WAITS = "nothing_waits", 409, "Nothing is waiting to be processed"
    NO_TRANSCRIPT = "no_transcript", 409, "The call has no transcript to evaluate"
    NOT_ALLOWED = "not_allowed", 403, "The role or key does not allow it"
    NOT_CONFIGURED = "not_configured", 503, "This installation has no credentials for the outside service"
    NOT_ENOUGH_CREDIT = "not_enough_credit", 409, "There is not enough store credit"
    NO_SCORE = "no_score", 404, "The customer has no orders and therefore no score"
    NOT_EVALUATED = "not_evaluated", 409, "The call is not evaluated yet"
    NOT_FOUND = "not_found", 404, "The record does not exist, or the caller may not see it"
    NOT_ON_HOLD = "not_on_hold", 409, "The order is not on hold"
    NOT_SIGNED_IN = "not_signed_in", 401, "Credentials are missing, wrong or expired"
    NOT_TRACKED = "not_tracked", 409, "The product's stock is not tracked"
    NOT_YOUR_ACCOUNT = "not_your_account", 403, "The account belongs to someone else"
    NOT_YOUR_CUSTOMER = "not_your_customer", 403, "The customer belongs to another rep"
    NO_CHECK_WAITING = "no_check_waiting", 409, "No check is waiting for review"
    NO_COMMISSION = "no_commission", 409, "The order has no rep or no commission"
    NO_CUSTOMER = "no_customer", 409, "The order has no registered customer"
    NO_TRACKING = "no_tracking", 404, "The order has no tracking number"
    ON_HOLD = "on_hold", 409, "The order is on hold", "allowed"
    ORDER_CANCELLED = "order_cancelled", 409, "The order is cancelled"
    ORDER_INVOICED = "order_invoiced", 409, "The order has an invoice", "invoice_id", "invoice_number"
    ORDER_NUMBER_TAKEN = "order_number_taken", 409, "The order number is taken"
    ORDER_TOO_LARGE = "order_too_large", 400, "The order's total exceeds the largest possible amount"
    OTHER_GOOGLE_USER = "other_google_user", 409, "The account belongs to another Google user"
    OUTSIDE_SERVICE_FAILED = "outside_service_failed", 502, "An outside service did not answer or refused the request"
    OUT_OF_STOCK = "out_of_stock", 409, "There is not enough stock", "products"
    OWN_ACCOUNT = "own_account", 409, "You can't delete your own account"
    PACK_INCOMPLETE = "pack_incomplete", 409, "Not all units are scanned"
    PAID_MORE = "paid_more", 409, "More was paid than the new total"
    PARCELS_UNKNOWN = "parcels_unknown", 409, "The size or weight of a box is not known"
    PASSWORDS_DIFFER = "passwords_differ", 400, "The two new passwords differ"
    PAYMENT_MISMATCH = "payment_mismatch", 409, "The payment's amount differs from the order's"
    PAYMENT_NOT_FINISHED = "payment_not_finished", 409, "The payment is not finished"
    PAYMENT_PROCESSING = "payment_processing", 409, "The bank is still processing the payment"
    PHONE_TAKEN = "phone_taken", 409, "The phone belongs to another account", "duplicate_field", "hint"
    PHONE_VERIFICATION_REQUIRED = (
        "phone_verification_required",
        403,
        "The phone must be verified first",
        "phone_verification_required",
        "email_verification_required",
    )
    PROOF_EXPIRED = "proof_expired", 401, "Signing in took too long"
    RATE_NOT_OFFERED = "rate_not_offered", 409, "The carrier does not offer the service for these parcels", "rates"
    REFUSED = "refused", 400, "The request was refused"
    RENEWAL_RUNNING = "renewal_running", 409, "A charge of this subscription is still pending"
    RENEWED_TODAY = "renewed_today", 409, "The subscription was renewed today"
    REQUEST_IN_PROGRESS = "request_in_progress", 409, "The same request is still running"
    RULE_TAKEN = "rule_taken", 409, "The product has a box rule already"
    SECOND_FACTOR_OFF = "second_factor_off", 409, "There is no second factor"
    SECOND_FACTOR_ON = "second_factor_on", 409, "The second factor is on already"
    SECOND_FACTOR_REQUIRED = "second_factor_required", 401, "The code from the authenticator app is required"
    SECOND_FACTOR_SETUP_REQUIRED = (
        "second_factor_setup_required",
        403,
        "Administrators must set up a second factor first",
    )
    SECOND_FACTOR_WRONG = "second_factor_wrong", 401, "The code from the authenticator app is wrong"
    SEVERAL_CUSTOMERS = "several_customers", 409, "One payment can only cover invoices of one customer"
    SKU_TAKEN = "sku_taken", 409, "Another product has the SKU"
    STALE_FORM = "stale_form", 403, "The form is out of date"
    STALE = "stale", 409, "Someone else changed the record in the meantime", "changed_by", "changed_at", "version"
    STATE_NOT_ALLOWED = "state_not_allowed", 409, "The state does not allow it", "allowed"
    STRIPE_BUSY = "stripe_busy", 502, "Stripe is busy"
    STRIPE_KEY_REFUSED = "stripe_key_refused", 502, "Stripe refuses our key"
    STRIPE_REFUSED = "stripe_refused", 502, "Stripe refuses the request"
    STRIPE_UNKNOWN = "stripe_unknown", 502, "Stripe did not answer; repeating the request never charges twice"
    TERMS_NOT_COVERED = "terms_not_covered", 409, "The customer's terms do not cover it", "hint"
    TIMEOUT = "timeout", 408, "The request took too long to arrive"
    TOO_FEW_CALLS = "too_few_calls", 409, "The agent has too few bad calls for a suggestion"
    TOO_LATE = "too_late", 409, "The time for undoing it is over"
    TOO_LARGE = "too_large", 413, "The body or file is too large for this URL"
    TOO_MANY_PIXELS = "too_many_pixels", 400, "The picture has too many pixels"
    TOO_MANY_REQUESTS = "too_many_requests", 429, "A rate limit was exceeded"
    TOO_MANY_ROWS = "too_many_rows", 400, "The file has too many rows"
    TOO_MANY_SCANS = "too_many_scans", 400, "The JPEG has too many scans"
    TOO_SMALL = "too_small", 409, "The amount is below the smallest card payment"
    TRY_AGAIN = "try_again", 503, "The service is temporarily busy"
    UNKNOWN_PRODUCTS = "unknown_products", 400, "Some lines name no known product"
    UNKNOWN_PRODUCT = "unknown_product", 400, "Some items are not sold"
    UNSUPPORTED_IMAGE = "unsupported_image", 400, "The picture's format is not supported"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", 415, "The media type is not supported here"
    USERNAME_TAKEN = "username_taken", 409, "The username is taken", "duplicate_field", "hint"
    VOID_PENDING = "void_pending", 502, "The carrier has not answered about the refund", "label_ids"
    VOID_REFUSED = "void_refused", 409, "The carrier refused to refund the label", "ep_refund_status", "ep_error"
    WEAK_PASSWORD = "weak_password", 400, "The password is too short or too common"
    WRONG_CODE = "wrong_code", 400, "The code is wrong"
    WRONG_PASSWORD = "wrong_password", 400, "The password is wrong"
