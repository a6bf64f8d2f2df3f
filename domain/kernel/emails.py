"""Normalises email addresses: lower case, with the domain as mail servers write it (`xn--…` for `bücher.example`)."""

from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

LONGEST_EMAIL = 254


@lru_cache(maxsize=4096)
def normalise_email(text: str) -> str | None:
    """Return an email address as it is stored and compared; None for what is not one.

    Cached: checking takes a noticeable part of a second, and regular customers order every day.
    """
    try:
        # Special domains such as .example and .test are allowed: demo customers use them, and no email is lost by it.
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False, globally_deliverable=False)
    except EmailNotValidError:
        return None
    email = (found.ascii_email or found.normalized).lower()
    return email if "." in email.rpartition("@")[2] and len(email) <= LONGEST_EMAIL else None
