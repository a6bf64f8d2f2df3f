"""The emails to colleagues about their account."""

from domain.messages.letter import Letter

WAS_NOT_YOU = "If that was not you, tell an administrator at once."


def write_new_email(username: str, link: str) -> Letter:
    """The email to a colleague's new address, with the link that confirms it."""
    text = (
        f"This address will become the email of the staff account {username}. This link confirms the change; it"
        f" works once, within 48 hours.\n\n{link}"
        "\n\nIf it was not you, do not open the link: nothing changes without it."
    )
    return Letter("staff_email_change", "Confirm your new email", text)


def write_email_undo(sentence: str, email: str, link: str) -> Letter:
    """The email to a colleague's current or previous address: what changes, and the link that keeps it."""
    text = (
        f"{sentence}\n\n{WAS_NOT_YOU} This link keeps {email} or restores it, and ends all sessions. It"
        f" works once, within 7 days.\n\n{link}"
    )
    return Letter("security_notice", "Your staff account was changed", text)


def write_notice(sentence: str) -> Letter:
    """The email that something about signing in has changed."""
    return Letter("security_notice", "Your staff account was changed", f"{sentence}\n\n{WAS_NOT_YOU}")


def write_reset(link: str) -> Letter:
    """The email with the link that sets a new password."""
    text = (
        "Someone, probably you, asked for a new password for your staff account."
        f" This link sets one; it works once, within an hour.\n\n{link}"
        "\n\nIf it was not you, you do not need to do anything: your password does not change."
    )
    return Letter("staff_password_reset", "Set a new password", text)


def write_username(username: str, portal_url: str) -> Letter:
    """The email with the username of an account."""
    return Letter("staff_username", "Your username", f"Your username is {username}.\n\n{portal_url}/sign-in")
