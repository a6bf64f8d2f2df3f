"""Answers about payments, store credit and the "Save Me Money" form."""

from api.schemas.base import Answer, MoneyOut, TimeOut


class ConfirmedPaymentOut(Answer):
    success: bool = True
    message: str


class CreatedIntentOut(Answer):
    success: bool = True
    client_secret: str
    payment_intent_id: str


class PayLinkOut(Answer):
    success: bool = True
    payment_url: str
    order_number: str
    amount: MoneyOut
    expires_at: TimeOut


class UploadedCheckOut(Answer):
    success: bool = True
    message: str
    front_filename: str
    back_filename: str | None


class ReviewedCheckOut(Answer):
    success: bool = True
    message: str


class CreditEntryOut(Answer):
    id: int
    amount: MoneyOut
    balance_after: MoneyOut
    kind: str
    note: str
    order_number: str | None
    created_by: str
    created_at: TimeOut


class CreditOut(Answer):
    user_id: int
    username: str
    company_name: str
    credit_balance: MoneyOut
    history: list[CreditEntryOut]


class AdjustedCreditOut(Answer):
    success: bool = True
    credit_balance: MoneyOut
    transaction: CreditEntryOut


class SavingsRequestOut(Answer):
    success: bool = True
    message: str
