"""The questions of a concept, with the names that they are about filled in. Pure."""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from training.synthesis.lexicon import Concept
from training.synthesis.spoken import is_many
from training.synthesis.words import LISTS, capitalised

MOST_WITHOUT = 7
"""Questions that leave out what a fact is said of, beside those that name it."""
_ARTICLE = re.compile(r"\b([Aa])n? \{q\}(\w)")
_DONE = "{p}"


@dataclass(frozen=True, slots=True)
class Asked:
    """Phrasings for one value, those that people may use before those that only repeat how the
    document puts it."""

    natural: list[str] = field(default_factory=list)
    formal: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class About:
    """What the questions of a concept are asked about; `names` are used by turns."""

    names: Sequence[str]
    bare: str
    qualifier: str = ""
    of: str = ""
    done: str = ""
    suffix: str = ""


def of_concept(concept: Concept, about: About) -> Iterator[str]:
    """All questions of the concept; where it is said of a part, those for this and some others."""
    named = list(_of_part(concept, about)) if about.of else []
    plain = [] if named and concept.is_of_part else list(_plain(concept, about))
    if named and len(plain) > MOST_WITHOUT:
        chance = random.Random(f"{about.bare}\x1f{concept.name}\x1f{about.of}".encode())
        plain = chance.sample(plain, MOST_WITHOUT)
    return iter([*named, *plain])


def _plain(concept: Concept, about: About) -> Iterator[str]:
    qualifier = f"{about.qualifier} " if about.qualifier else ""
    may_drop = not qualifier or bool(concept.natural and concept.natural.fullmatch(about.qualifier))
    templates = [ask for ask in concept.asks if may_drop or "{q}" in ask]
    for place, template in enumerate(templates):
        name = about.names[place % len(about.names)]
        yield filled(template, {"s": name, "q": qualifier}, about.suffix)


def _of_part(concept: Concept, about: About) -> Iterator[str]:
    first = about.of.split()[0].lower()
    has_article = first in LISTS["determiner"] | LISTS["subordinator"] | {
        "how",
        "what",
    } or first.endswith(("'s", "’s"))
    is_several = is_many(about.of)
    values = {
        "o": about.of,
        "O": about.of if has_article else f"the {about.of}",
        "are": "are" if is_several else "is",
        "do": "do" if is_several else "does",
        "p": about.done,
    }
    templates = [ask for ask in concept.of if (_DONE in ask) == bool(about.done)]
    for place, template in enumerate(templates):
        name = about.names[place % len(about.names)]
        yield filled(template, {**values, "s": name}, about.suffix)


def filled(template: str, values: dict[str, str], suffix: str) -> str:
    """A template with its names filled in, each after the article that it asks for."""
    text = _ARTICLE.sub(lambda found: _with_article(found, values.get("q", "")), template)
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    body = text.rstrip("?.")
    ending = text[len(body) :]
    asked = " ".join(f"{body}{suffix}".split())
    is_named_first = template.startswith("{s}") and not asked.startswith("the ")
    return (asked if is_named_first else capitalised(asked)) + ending


def _with_article(found: re.Match[str], qualifier: str) -> str:
    """`a {q}entry` with the article that the next word asks for."""
    follows = (qualifier or found[2])[0].lower()
    return f"{found[1]}{'n' if follows in 'aeio' else ''} {{q}}{found[2]}"
