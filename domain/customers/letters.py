"""The emails to customers about their account."""

from domain.messages.letter import Letter

NOT_YOU = "If that was not you, set a new password at once with “forgot password” in the shop, and call us."


def write_verification(link: str) -> Letter:
    """The email to a new account's address, with the link that verifies it."""
    text = (
        "Someone, probably you, opened an account with us with this address. This link confirms it; it works"
        f" once, within 48 hours.\n\n{link}"
        "\n\nIf it was not you, do not open the link: the account stays closed without it."
    )
    return Letter("verify_email", "Confirm your email", text)


def write_new_email(link: str) -> Letter:
    """The email to an account's new address, with the link that confirms it."""
    text = (
        "Someone, probably you, wants to use this address for an account with us. This link makes it the account's"
        f" email; it works once, within 48 hours.\n\n{link}"
        "\n\nIf it was not you, do not open the link: nothing changes without it."
    )
    return Letter("verify_email", "Confirm your new email", text)


def write_email_undo(sentence: str, email: str, link: str) -> Letter:
    """The email to an account's current or previous address: what changes, and the link that keeps it."""
    text = (
        f"{sentence}\n\nIf that was not you, this link keeps {email} or restores it, and ends all"
        f" sessions. It works once, within 7 days.\n\n{link}"
    )
    return Letter("security_notice", "Your account was changed", text)


def write_notice(sentence: str) -> Letter:
    """The email that something about signing in has changed."""
    return Letter("security_notice", "Your account was changed", f"{sentence}\n\n{NOT_YOU}")


def write_reset(link: str) -> Letter:
    """The email with the link that sets a new password."""
    text = (
        "Someone, probably you, asked for a new password for your account. This link sets one; it works"
        f" once, within an hour.\n\n{link}"
        "\n\nIf it was not you, you do not need to do anything: your password does not change."
    )
    return Letter("password_reset", "Set a new password", text)


def write_username(username: str, shop_url: str) -> Letter:
    """The email with the username of an account."""
    return Letter("username", "Your username", f"Your username is {username}. The shop is here:\n\n{shop_url}/")
