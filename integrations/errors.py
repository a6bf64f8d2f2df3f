"""How the clients of outside companies fail; the domain turns it into its own words."""


class ServiceFailed(Exception):
    """The company did not answer, or not in a way to act on; trying again later may help."""


class ServiceRefused(ServiceFailed):
    """The company said no for good: a wrong number, an unknown mailbox. Trying again won't help."""


class Unsubscribed(ServiceRefused):
    """The recipient asked the company for no more messages."""
