"""Words that stand for something that another sentence names. Pure."""

import re

from training.synthesis.values import Value
from training.synthesis.verbs import BASES, THIRD
from training.synthesis.words import LISTS

_LEANS = re.compile(
    r"\b(?:this|these|those|such|"
    r"the same(?! time\b| \w+ (?:\w+ ){1,4}(?:twice|again|repeatedly)\b)|"
    r"the (?:other|latter|former|above|following)|"
    r"the (?:first|second)(?=[,.;]|$| (?:is|was|are|were|has|of|one|two|will|can|may|must)\b)|"
    r"(?:above|below)(?! (?:the|an?|its|\d))|he|she|his|her|they|them|(?<!s and )their|"
    r"there(?! (?:is|are|was|were|has|have|may|must|can)\b)|here|ones?|the figure|"
    r"(?:since|by|until|from) then|"
    r"how \w+ each)\b"
    r"(?! (?:page|document)\b)|^each \w+s\b|^its\b|"
    r"^(?:for|in|on|at|after|before|during|from|with|without|by|to|under|over|within|since|until)"
    r"\b[^,]{1,60}"
    r",? it\b",
    re.I,
)
_THAT = re.compile(r"(?:(?P<before>[\w'’-]+) )?\bthat\b(?: (?P<after>[\w'’-]+))?", re.I)
_NOT_BEFORE_RELATIVE = (
    LISTS["preposition"] | LISTS["auxiliary"] | LISTS["leaning"] | LISTS["subordinator"]
)
# `Lids are shut once they are warm`: the sentence names what its `they` stands for.
_SEVERAL_FIRST = re.compile(
    r"(?:all |the )?(?:[a-z-]+ ){0,2}[a-z-]{3,}s (?:[a-z]+ ){1,9}?"
    r"(?:if|as soon as|once|when|unless|until) (?:they|their)\b"
)
_THEY = re.compile(r"\b(?:they|their)\b")
# `a seat that nobody takes`
_DOERS = (
    "nobody", "somebody", "everybody", "someone", "everyone", "anybody", "anyone", "we", "you",
    "people",
)  # fmt: skip
# `the contract asks that 98 % arrive`
_SAYS = frozenset(["asks", "requires", "promises", "guarantees", "demands", "says", "ensures"])
_NEW_THOUGHT = re.compile(
    r"[,;] |\s(?:and|but|which|so|because|while|whereas|although|though|after which)\s"
)


def leans(text: str, value: Value) -> bool:
    """Whether the thought that holds the value has words that stand for something elsewhere; what
    follows it (`…, after which we remove them`) is not asked with it."""
    ends = _NEW_THOUGHT.search(text, value.end)
    thought = text[: ends.start()] if ends else text
    if _SEVERAL_FIRST.match(thought):
        thought = _THEY.sub("", thought)
    if _LEANS.search(thought):
        return True
    return not all(_is_relative(found) for found in _THAT.finditer(thought))


def points(phrase: str) -> bool:
    """Whether a noun phrase or a clause stands for something that is named elsewhere."""
    return _LEANS.search(f"{phrase},") is not None


def _is_relative(that: re.Match[str]) -> bool:
    """Whether a `that` goes on from the noun in front of it, `a reading that differs`, or from
    what is said."""
    before, after = (that["before"] or "").lower(), that["after"] or ""
    if before in _SAYS:
        return True
    is_noun = bool(before) and before not in _NOT_BEFORE_RELATIVE and before not in THIRD
    is_verb = after in LISTS["auxiliary"] or after in THIRD or after in BASES
    return is_noun and (is_verb or after in _DOERS or after[:1].isupper())


# --- Who is meant ------------------------------------------------------------------------------
_REACHED = re.compile(r"They (?:can|may) (?:\w+ )?be (?:reached|contacted|found|called|mailed)\b")
_CREW = re.compile(
    r"\b(?:in the (?:hands|care) of|(?:owned|run|maintained|operated|developed|looked after) by|"
    r"belongs to|lies with|(?:[Tt]eam|squad|group|crew) (?:\w+ )?(?:owns|runs|maintains|looks))\b"
)
_MANY = frozenset(["are", "were", "have", "do", "may", "must", "can", "should"]) | BASES
_MOST_WORDS = 5
_KIND = (
    r"\b{name} is (?:the|an?|our|one of (?:the|our)) (?:[a-z-]{{2,20}} ){{0,3}}?"
    r"(?P<noun>[a-z-]{{3,20}})"
    r"(?= (?:that|which|who|of|for|in|at|on|by|behind|between|with|where|and)\b|[,.;:]|$)"
)


def with_noun(written: str, before: str) -> str:
    """The sentence with the noun that its `They` stands for; `before` is the one in front of it."""
    if _REACHED.match(written) and _CREW.search(before):
        return f"The team{written[4:]}"
    noun = _several(before) if written.startswith("They ") else ""
    return f"{noun}{written[4:]}" if noun else written


def _several(written: str) -> str:
    """What a sentence starts with, if that is several of something, and the only such thing that
    `they` may mean: `Parcels for the north` of `Parcels for the north arrive at night.`"""
    words = written.split()
    verb = next((n for n, word in enumerate(words[: _MOST_WORDS + 1]) if n and word in _MANY), 0)
    noun, rest = words[:verb], re.split(r"[,;]|\b(?:which|when)\b", " ".join(words[verb + 1 :]))[0]
    if not noun or noun[0].lower() in LISTS["leaning"] or any("," in word for word in noun):
        return ""
    head = next((place for place, word in enumerate(noun) if word in LISTS["preposition"]), verb)
    is_sure = head > 0 and _is_plural(noun[head - 1]) and not any(map(_is_plural, rest.split()))
    return " ".join(noun) if is_sure else ""


def _is_plural(word: str) -> bool:
    bare = word.strip(".!\"')")
    return len(bare) > 3 and bare.endswith("s") and not bare.endswith(("ss", "us", "is"))


def kinds_of(name: str, text: str) -> frozenset[str]:
    """What a text says that something is: `gateway`, where `Petrel is the gateway that …`."""
    found = re.finditer(_KIND.format(name=re.escape(name)), text) if name else ()
    return frozenset(kind["noun"] for kind in found)
