"""What somebody typed into an address or a form, as words and numbers that a database takes."""

from collections.abc import Iterable

from router.text import storable

# Each is a condition of its own, and a database takes only so many, none too long.
MOST_WORDS = 20
LONGEST_WORD = 500
MAX_DIGITS = 18


def words_of(text: str) -> list[str]:
    """The first words to look for, of a very long one its beginning."""
    return [word[:LONGEST_WORD] for word in storable(text).split()[:MOST_WORDS]]


def plain_newlines(text: str) -> str:
    """Each line ends as it does everywhere else: browsers end those of a form by two signs."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def numbers(names: Iterable[str]) -> list[int]:
    """Those that can be primary keys."""
    return [
        int(name)
        for name in names
        if name.isascii() and name.isdecimal() and len(name) <= MAX_DIGITS
    ]
