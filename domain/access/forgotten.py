"""The inputs for a forgotten password or username, the same for customers and colleagues."""

from domain.access.passwords import NewPasswordIn
from domain.kernel.inputs import EmailIn, Filled200, Input

# The recipient if there is no account: the mail is written and rolled back, so that the work is the same.
SOMEBODY = "nobody@invalid.example"
LINK_SENT = "If there is an account with an email for this, we have sent a link. It works for one hour."


class ForgotPassword(Input):
    """Username or email."""

    identifier: Filled200


class ForgotUsername(Input):
    """The email of the account."""

    email: EmailIn


class ResetPassword(Input):
    """The token of the emailed link and the new password."""

    token: Filled200
    password: NewPasswordIn
