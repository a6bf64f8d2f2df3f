"""The emails to colleagues about their account."""

from domain.messages.letter import Letter

WAS_NOT_YOU = "If that was not you, inform an administrator at once."


def write_new_email(username: str, link: str) -> Letter:
    """The email to a colleague's new address, with the link that confirms it."""
    text = (
        f"This address is to become the email of the staff account {username}. This link makes it that; it"
        f" works once, within 48 hours.\n\n{link}"
        "\n\nIf it was not you, do not open the link: nothing changes without it."
    )
    return Letter("staff_email_change", "Confirm your new email", text)


def write_email_undo(sentence: str, email: str, link: str) -> Letter:
    """The email to a colleague's current or previous address: what changes, and the link that keeps it."""
    text = (
        f"{sentence}\n\n{WAS_NOT_YOU} This link keeps {email} or brings it back, and signs everybody out. It"
        f" works once, within 7 days.\n\n{link}"
    )
    return Letter("security_notice", "Your staff account was changed", text)


def write_notice(sentence: str) -> Letter:
    """The email that something about signing in has changed."""
    return Letter("security_notice", "Your staff account was changed", f"{sentence}\n\n{WAS_NOT_YOU}")


def write_reset(link: str) -> Letter:
    """The email with the link that sets a new password."""
    text = (
        "Somebody, probably you, asked for a new password for your staff account."
        f" This link sets one; it works once, within an hour.\n\n{link}"
        "\n\nIf it was not you, nothing needs to be done: your password stays as it is."
    )
    return Letter("staff_password_reset", "Set a new password", text)


def write_username(username: str, portal_url: str) -> Letter:
    """The email with the username of an account."""
    return Letter("staff_username", "Your username", f"Your username is {username}.\n\n{portal_url}/sign-in")
