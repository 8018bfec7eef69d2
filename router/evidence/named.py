"""What a question names: the things that it is about, and not what only describes them. Pure."""

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import takewhile

from ingestion.tokens import is_everyday_word
from router.evidence.claims import (
    HYPHENATED,
    identifiers_in,
    literal_pattern,
    names_in,
    place_of_phrase,
    without_quotes,
)
from router.evidence.quantities import CALENDAR, UNITS
from router.evidence.slips import is_english
from router.text import STOP_WORDS, Word, fold, is_content, stem, words

# *Where in Europe?* says what kind of place is asked for.
_CONTINENTS = frozenset(
    {"africa", "america", "north america", "south america", "asia", "australia", "europe"}
)
# Documents spell these out as well.
_SUBSTANCES = frozenset(
    {"c2h2", "c2h4", "ch4", "co2", "h2o", "h2o2", "h2s", "h2so4", "n2o", "nh3", "no2", "sf6", "so2"}
)
# `API`, `mTLS`, `VMs`.
_SHORT_FORM = re.compile(r"[a-z]?[A-Z]{2,}s?")
_TITLED = re.compile(r"[A-Z][\w'’]*(?: [A-Z\d][\w'’]*)+|[A-Za-z]+(?:[-_][A-Za-z\d]+)+")
_LONGEST_NAME = 4
_OPENING = re.compile(r"\W*([A-Z][\w'’]*(?: [A-Z][\w'’]*)+)")
# Where a title's name ends: `Brinegate: the gateway`, `Brinegate -- operations`.
_HEAD = re.compile(r"[:(,]|\s(?:-{1,3}|[–—|])\s")
_LEAST_COINED = 5
# Behind these no English noun stands without an article, but names do: `does panwatch keep`,
# `owns panwatch`, `port of panwatch`.
BEFORE_DOERS = frozenset(
    {"does", "do", "did", "is", "was", "has", "can", "will", "should", "must", "may"}
)
BEFORE_NAMES = BEFORE_DOERS | {
    *("of", "for", "by", "behind", "owns", "runs", "leads", "maintains", "after"),
}
_THINGS = frozenset({"service", "system", "application", "app", "server", "tool", "platform"})
# What a title ends with that says what kind of document it is: in `Release Process` it names no
# thing, and `release policy` beside `Travel Policy` is not the name of another one.
_KINDS_OF_DOCUMENTS = """
    agreement architecture changelog checklist configuration deployment faq glossary guide
    guideline guidelines handbook installation instructions manual minutes notes onboarding
    operations overview page plan playbook policies policy postmortem procedure procedures process
    processes readme report review rules runbook setup sheet standard standards summary
    troubleshooting tutorial
"""
_DOCUMENTS = frozenset(_KINDS_OF_DOCUMENTS.split())
# `Kafka topic`, `Grafana dashboard`, `s3 bucket`: what is asked for has a name of its own.
_TOOL = re.compile(r"[A-Za-z]+\d*")
_TOOLS_HAVE = "channel room topic stream queue dashboard bucket table repository"
_OF_TOOLS = frozenset(map(stem, _TOOLS_HAVE.split()))
# `In Slack, where is it?`
_WHERE_ALL_IS = re.compile(
    r"(?:confluence|discord|git|github|gitlab|grafana|jira|mattermost|s3|slack|teams)",
    re.IGNORECASE,
)
ADJECTIVE_ENDINGS = (
    "able", "ible", "ed", "ing", "ful", "less", "wide", "only", "free", "time", "wise", "worthy",
)  # fmt: skip
_PREFIXES = frozenset({"anti", "auto", "mid", "multi", "non", "pre", "self", "semi"})
# `The 132-lens chamber` holds so many.
_COUNTED = re.compile(r"\d+-([a-z]+)")
POSSESSIVE = re.compile(r"['’]s$")


def entities_of(question: str) -> list[str]:
    """What a question names: identifiers, and words with a capital that starts no sentence.

    Left out is what people say without naming anything: units, months and weekdays, continents,
    substances, short forms such as `API`, and compounds that are plain English, such as `re-try` or
    `cloud-based`. What is of Ada's is of Ada.
    """
    spoken = without_quotes(question)
    claims = (*identifiers_in(spoken), *names_in(spoken))
    named = [POSSESSIVE.sub("", claim.text) for claim in claims]
    return [name for name in dict.fromkeys(named) if not _is_plain_english(name)]


def titled_in(question: str, titles: Iterable[str]) -> list[str]:
    """What a question names without a sign of it, as people type: names of two or more words that
    stand in one of the titles (`amber ledger`), and what is made of two of these (`amber weir`
    beside `Silver Weir`), with a hyphen of a half of one (`amber-lending`), of one and another
    number (`silver weir 5` beside `Silver Weir 4`), or of a coined word and all of one but its
    first (`panwatch ticket gate` beside `Turnpike Ticket Gate`), which is a name as well, of
    nothing there."""
    names = _Names(titles)
    folded = fold(question).text
    typed = words(folded)
    found, at = [], 0
    while at < len(typed):
        here = typed[at : at + _LONGEST_NAME]
        texts = [POSSESSIVE.sub("", word.text) for word in here]
        is_hyphenated = len(here) > 1 and folded[here[0].end : here[1].start] == "-"
        size = names.size(texts, is_hyphenated=is_hyphenated)
        if size:
            whole = folded[here[0].start : here[size - 1].end]
            found.append(POSSESSIVE.sub("", whole))
        at += size or 1
    return list(dict.fromkeys(found))


class _Names:
    """Those in titles, by their parts."""

    def __init__(self, titles: Iterable[str]) -> None:
        self._known = {run for title in titles for run in runs_of_names(title)}
        self._numbered = {run[:-1] for run in self._known if run[-1].isdigit()}
        parts = self._known | self._numbered
        self._firsts, self._lasts = ({run[place] for run in parts} for place in (0, -1))
        self._ends = {run[1:] for run in self._known if len(run) > 2}

    def size(self, texts: Sequence[str], *, is_hyphenated: bool) -> int:
        """How many of these words, of which the first two may have a hyphen between them, are one
        of these names or are made like one; 0: none begins here."""
        runs = [tuple(texts[:size]) for size in range(len(texts), 1, -1)]
        numbers = _numbers_in(texts)
        for run in runs:
            if run in self._known:
                return len(run)
        for run in runs:
            if run[:-1] in self._numbered and len(run) - 1 in numbers:
                return len(run)
        if runs and runs[-1] not in self._numbered:
            halves = texts[0] in self._firsts, texts[1] in self._lasts
            if all(halves) or (is_hyphenated and any(halves)):
                return 3 if 2 in numbers else 2
        is_coined = bool(runs) and _is_coined(texts[0])
        return next((len(run) for run in runs if is_coined and run[1:] in self._ends), 0)


def _numbers_in(texts: Sequence[str]) -> set[int]:
    """The places of those that are numbers and measure nothing."""
    following = [*texts[1:], ""]
    return {
        place
        for place, (text, unit) in enumerate(zip(texts, following, strict=True))
        if text.isdigit() and unit not in UNITS
    }


def opening_in(question: str, titles: Iterable[str]) -> list[str]:
    """The name that a question begins with, if it ends as names in titles do: beside `Amber Heron`
    and `Grey Heron` that of `Black Heron livery?`, of which `entities_of` has `Heron` alone, as any
    word has a capital there."""
    opening = _OPENING.match(question)
    if opening is None:
        return []
    name = POSSESSIVE.sub("", opening[1])
    spelled = tuple(_spelled(name))
    first, end = words(fold(name).text)[0], spelled[1:]
    titles = list(titles)
    known = {run for title in titles for run in runs_of_names(title)}
    if not is_content(first) or end not in {run[1:] for run in known}:
        return []
    # `Heron Gate` or a thing called Heron may be meant, and `Ticket Gate` by its whole name's end.
    begins = {run[: len(end)] for run in known} | {tuple(_spelled(head_of(one))) for one in titles}
    ends = {run[-len(spelled) :] for run in known}
    return [] if end in begins or spelled in ends else [name]


def coined_in(question: str, titles: Iterable[str]) -> list[str]:
    """Made-up words in small letters, where titles are such words or several begin with one: beside
    `Brinegate: the gateway`, `panwatch` is a name in *port of panwatch?*, whether there is such a
    thing or not, and so is `brinewatch` wherever it stands. Where the question has the name of a
    title already, other such words are only rare. The first of a longer name is short for it:
    `marmot` of `Marmot Rack Train`."""
    titles = list(titles)
    made = {word for title in titles for word in _spelled(title) if _is_coined(word)}
    if not made:
        return []
    heads = set(map(head_of, titles)) - _DOCUMENTS
    first = {each[0] for each in map(_spelled, heads) if each}.intersection(made)
    called = first if len(first) > 1 else first.intersection(heads)
    short = {run[0] for title in titles for run in runs_of_names(title)}.intersection(made)
    folded = fold(question).text
    typed = [POSSESSIVE.sub("", word.text) for word in words(folded)]
    names = called | short | {head for head in heads if not head.isalpha()}
    if any(literal_pattern(name).search(folded) for name in names if name):
        return [word for word in typed if word in called | short]
    # Beside a word of a title another that is made so is only rare.
    models = made if made.isdisjoint(typed) else ()
    return [
        word
        for before, word, after in zip(["", *typed], typed, [*typed[1:], ""], strict=False)
        if _is_coined(word)
        and (
            (called and (before in BEFORE_NAMES or after in _THINGS))
            or any(_are_made_alike(word, name) for name in models)
        )
    ]


def head_of(title: str) -> str:
    """The folded name that a title begins with."""
    return _HEAD.split(fold(title).text)[0].strip()


def names_of(titles: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The name that each title begins with, as its folded words.

    What follows it in small letters, or is a kind of document, says what a page tells of the thing:
    `Night Porter delivery` and `Panwatch Runbook` are pages about Night Porter and Panwatch. Where
    a title is `Amber sluice`, so is `Amber sluice feed rules` about that; `Harbor gate` is not
    about Harbor, as everyday words begin many names.
    """
    heads = [_HEAD.split(title)[0] for title in titles]
    whole = {tuple(_spelled(head)) for head in heads}
    return tuple(_name_in(head, whole) for head in heads)


def _name_in(head: str, whole: AbstractSet[tuple[str, ...]]) -> tuple[str, ...]:
    folded = fold(head)
    own = words(folded.text)
    texts = tuple(word.text for word in own)
    is_titled = head[:1].isupper()

    def says_what_is_told(word: Word) -> bool:
        is_small = is_titled and head[folded.original(word.start)].islower()
        return is_small or word.text in _DOCUMENTS

    least = len(own) - len(list(takewhile(says_what_is_told, own[:0:-1])))
    # Where all is in capitals these do not tell where a name ends.
    begins = (texts[:size] for size in range(len(own) - 1, 0 if head.isupper() else least - 1, -1))
    names = [name for name in begins if len(name) > 1 or _is_coined(name[0])]
    shortest = min((name for name in names if len(name) >= least), key=len, default=texts)
    return next((name for name in names if name in whole), shortest)


def outermost(named: Sequence[str]) -> list[str]:
    """The names, less those that are a part of another one of them."""
    folded = [fold(name).text for name in named]
    return [
        name
        for name, own in zip(named, folded, strict=True)
        if not any(len(other) > len(own) and literal_pattern(own).search(other) for other in folded)
    ]


def _are_made_alike(word: str, name: str) -> bool:
    """Whether both begin or end with the same part, and neither is one of the other: `kestrelwick`
    and `kestrelmill`."""
    return any(
        one[:_LEAST_COINED] == other[:_LEAST_COINED]
        and not one.startswith(other)
        and not other.startswith(one)
        for one, other in ((word, name), (word[::-1], name[::-1]))
    )


def _is_coined(word: str) -> bool:
    """Whether it is a word of letters that everyday English has not."""
    return len(word) >= _LEAST_COINED and word.isalpha() and not is_english(word)


def without_compounds(
    question: str, named: Sequence[str], titles: Iterable[str], typed: Sequence[str] = ()
) -> list[str]:
    """What a question names, less its adjectives: beside a name that stands in one of the titles,
    `shore-side part` names nothing, unless a word of `shore-side` stands in a title as well, and
    `Slack channel` and `in Slack` say only where people talk. `typed` are names in small letters
    that it has as well."""
    titled = [words(fold(title).text) for title in titles]
    told = {word.text for title in titled for word in title}
    spelled = [words(fold(name).text) for name in named]
    if not any(
        place_of_phrase(phrase, title) is not None
        for phrase in (*spelled, *map(words, typed))
        for title in titled
    ):
        return list(named)
    return [
        name
        for name, phrase in zip(named, spelled, strict=True)
        if told & {word.text for word in phrase}
        or not (_is_attribute(name, question) or _is_of_one(name, (*named, *typed), question))
    ]


def without_offers(question: str, named: Sequence[str], titles: Iterable[str]) -> list[str]:
    """What a question names, less the answers that it offers: beside a name that stands in one of
    the titles, `Zurich or Bern` and `QR, PDF417 or what` are no things that it asks about."""
    told = {word for title in titles for word in _spelled(title)}
    strange = [name for name in named if told.isdisjoint(_spelled(name))]
    if len(strange) in (0, len(named)):
        return list(named)
    one = "|".join(map(re.escape, sorted(strange, key=len, reverse=True)))
    offers = re.compile(rf"(?:(?:{one}), )*(?:(?:{one}),? or \S+|\S+ or (?:{one}))")
    found = (each[0] for each in offers.finditer(question))
    offered = [offer for offer in found if told.isdisjoint(_spelled(offer))]
    return [name for name in named if not any(name in offer for offer in offered)]


def _spelled(text: str) -> list[str]:
    return [word.text for word in words(fold(text).text)]


def _is_attribute(name: str, question: str) -> bool:
    """Whether it only describes the noun that follows, as a hyphenated word of everyday ones does
    and the name of a tool in front of what such a tool has, or says in which tool things are."""
    is_where = re.search(rf"\b(?:[Ii]n|[Oo]n|[Vv]ia) (?:our )?{re.escape(name)}\b", question)
    if _WHERE_ALL_IS.fullmatch(name) and is_where:
        return True
    following = re.search(rf"(?<!\S){re.escape(name)} ([a-z]+)\b", question)
    if following is None:
        return False
    if _TOOL.fullmatch(name):
        return stem(following[1]) in _OF_TOOLS
    # Of `tail-latency` one word is of the trade.
    is_plain = any(is_everyday_word(word.text) for word in words(fold(name).text))
    return bool(HYPHENATED.fullmatch(name)) and is_plain and is_content(words(following[1])[0])


def _is_of_one(name: str, named: Sequence[str], question: str) -> bool:
    """Whether it is a compound of everyday words right behind another name: *the Berth Planner
    look-ahead*."""
    others = "|".join(re.escape(other) for other in named if other != name)
    pattern = rf"\b(?:{others})(?:['’]s)? {re.escape(name)}(?![-\w])"
    behind = re.search(pattern, question, re.IGNORECASE)
    is_compound = HYPHENATED.fullmatch(name) is not None
    return is_compound and behind is not None and all(map(is_everyday_word, name.split("-")))


@lru_cache(maxsize=2_000)
def runs_of_names(text: str) -> frozenset[tuple[str, ...]]:
    """The folded words of each run of capitalised words in a title or another text, and of each
    identifier."""
    runs = []
    for part in _TITLED.finditer(text):
        run = [word.text for word in words(fold(part[0]).text)]
        while run and run[-1] in _DOCUMENTS:
            run.pop()
        runs.append(tuple(run))
    return frozenset(run for run in runs if 1 < len(run) <= _LONGEST_NAME)


def _is_plain_english(name: str) -> bool:
    folded = fold(name).text
    if folded in UNITS or folded in _CONTINENTS or folded in _SUBSTANCES:
        return True
    if CALENDAR.fullmatch(folded):
        return True
    if _SHORT_FORM.fullmatch(name):
        return True
    counted = _COUNTED.fullmatch(folded)
    if counted is not None:
        return is_everyday_word(counted[1])
    parts = folded.split("-")
    return bool(HYPHENATED.fullmatch(folded)) and (
        min(map(len, parts)) <= 2
        # `sign-offs` are several.
        or any(part in STOP_WORDS or part.removesuffix("s") in STOP_WORDS for part in parts)
        or parts[0] in _PREFIXES
        or parts[-1] == "ish"
        or parts[-1].endswith(ADJECTIVE_ENDINGS)
    )
