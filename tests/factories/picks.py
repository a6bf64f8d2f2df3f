"""Rows picked by random acts: the same ones in each run, regardless of ids."""


def pick(table: str, *, which: str = "true", most: int = 1, order: str = "{place} || :salt") -> str:
    """A subquery of `most` ids of a table, those that `which` allows, by the parameter `salt`.

    They are drawn by their place in the table, since ids go on from the tests before. Another `order`, such as
    `":salt || {place}"`, draws other rows with the same salt.
    """
    place = order.format(place="row_number() OVER (ORDER BY id)")
    return f"(SELECT id FROM {table} WHERE {which} ORDER BY md5({place}) LIMIT {most})"
