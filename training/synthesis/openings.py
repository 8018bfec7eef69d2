"""How a sentence starts: with a name, or with a word that only has its capital there. Pure."""

import re

from training.synthesis.mined import MinedFrom
from training.synthesis.subjects import is_made, numberless
from training.synthesis.verbs import BASES, THIRD
from training.synthesis.words import LISTS, is_identifier, lowered


def small_start(written: str, names: frozenset[str]) -> str:
    """The sentence with a small first letter, unless a name stands there."""
    first, _, rest = written.partition(" ")
    bare = first.strip("`\"'(,.:").removesuffix("'s").removesuffix("’s")
    is_shouted = bare.isupper() and len(bare) > 1
    if bare not in names and not is_shouted and _is_told(bare, rest.split(" ", 1)[0]):
        return f"{lowered(first)} {rest}".rstrip()
    if bare in names or is_identifier(bare) or is_shouted or not bare[:1].isupper():
        return written
    follows = rest.split(" ", 1)[0]
    if bare.lower() in LISTS["after_verb"] or bare.lower() in LISTS["preposition"]:
        return f"{lowered(first)} {rest}".rstrip()
    is_name = follows in THIRD and _may_name(bare) and bare.lower() not in _PLAIN_STARTS
    return written if is_name or follows[:1].isupper() else f"{lowered(first)} {rest}".rstrip()


# `Whoever wants to follow along` names nobody.
_ANY = frozenset({"anybody", "anyone", "somebody", "whatever", "whichever", "whoever"})
_PLAIN_STARTS = LISTS["mass_noun"] | LISTS["filler"] | LISTS["leaning"] | LISTS["after_verb"] | _ANY


def names_of(passage: MinedFrom) -> frozenset[str]:
    """Words that stand with a capital inside a sentence of the passage, or in a heading."""
    inside = re.findall(r"(?:(?<=[a-z,;] )|(?<=[^\W\d]\) ))[A-Z][\w-]{1,30}", passage.text)
    headings = map(numberless, (passage.title, *passage.heading_path))
    headed = [word for heading in headings for word in heading.split()[1:]]
    headed = [word for word in headed if word.lower() not in _PLAIN_STARTS]
    return frozenset([*inside, *(w.strip(".,:()") for w in headed if w[:1].isupper())])


def name_at_start(written: str, names: frozenset[str]) -> str:
    """The name that a sentence starts with."""
    found = re.match(r"[A-Za-z][\w-]*(?: [A-Z][\w-]*)*", written)
    if found is None:
        return ""
    words = found[0].split()
    if is_made(words[0]):
        return words[0]
    if words[0] not in names and _is_told(words[0], [*written.split(), ""][1]):
        return ""
    is_name = words[0] in names or len(words) > 1
    follows = [*written[found.end() :].split(), ""][0]
    # `Merge requests` are several.
    are_several = follows in LISTS["plural_noun"] and words[0].lower() in BASES
    is_name = is_name or (follows in THIRD and not are_several and _may_name(words[0]))
    is_plain = words[0].lower() in _PLAIN_STARTS or words[0].lower() in LISTS["preposition"]
    return found[0] if is_name and not is_plain else ""


def _is_told(first: str, follows: str) -> bool:
    """Whether a sentence starts with what a reader is to do: `Set TZ to UTC.`"""
    return first.lower() in BASES and not (follows in THIRD or follows in LISTS["auxiliary"])


def _may_name(word: str) -> bool:
    """Not a plural, what somebody does, or what was done: `Releasing costs`, `Scanned forms`."""
    return not word.endswith(("s", "ing", "ed"))
