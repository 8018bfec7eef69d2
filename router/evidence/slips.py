"""Which words English has, and which two are one slip of the finger from each other. Pure."""

from ingestion.tokens import is_everyday_word
from router.text import stem

LEAST_LETTERS = 5
"""Shorter words are too much like each other."""

# From the left edge of a keyboard, in widths of a key.
_KEYS = {
    letter: (shift + place, row)
    for row, (shift, letters) in enumerate(
        ((0.0, "qwertyuiop"), (0.25, "asdfghjkl"), (0.75, "zxcvbnm"))
    )
    for place, letter in enumerate(letters)
}
_ENDINGS = ("s", "es", "ed", "d", "ing", "er", "ly", "'s")


def one_slip(typed: str, meant: str) -> bool:
    """One letter more, less or other, or two neighbours swapped, in a word of letters from the
    second one on. Short words and numbers are too much like each other for that.

    For a word that English does not have, another letter is only one whose key lies beside: such
    words are names, and there may well be a Yardmore beside Yardmere.
    """
    longer = abs(len(typed) - len(meant))
    if len(typed) < LEAST_LETTERS or not typed.isalpha() or longer > 1 or typed[0] != meant[0]:
        return False
    pairs = zip(typed, meant, strict=False)
    start = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(typed), len(meant)))
    rest, other_rest = typed[start:], meant[start:]
    swapped = rest[1:2] + rest[:1] + rest[2:]
    if other_rest in (rest[1:], swapped) or rest == other_rest[1:]:
        return True
    is_other = bool(rest and other_rest) and rest[1:] == other_rest[1:]
    return is_other and (is_english(meant) or _are_neighbours(rest[0], other_rest[0]))


def is_english(word: str) -> bool:
    """Whether everyday English has a folded word, or what is left of it without an ending."""
    bases = {word, stem(word), *(word.removesuffix(ending) for ending in _ENDINGS)}
    return any(map(is_everyday_word, bases))


def _are_neighbours(one: str, other: str) -> bool:
    """Whether the keys of two letters touch each other."""
    if one not in _KEYS or other not in _KEYS:
        return False
    (left, upper), (right, lower) = _KEYS[one], _KEYS[other]
    return abs(left - right) <= 1 and abs(upper - lower) <= 1
