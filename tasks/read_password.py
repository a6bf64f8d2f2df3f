"""A password for a command in the terminal."""

import getpass
import sys


def read_password() -> str:
    """Read the password from standard input; in a terminal it is asked for twice and not shown."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != password:
        sys.exit("The two passwords differ. Nothing was changed.")
    return password
