"""A password for a command of the terminal."""

import getpass
import sys


def read_password() -> str:
    """The password from standard input; at a terminal it is asked for twice and not shown."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != password:
        sys.exit("The two passwords differ. Nothing was changed.")
    return password
