"""What a passage is about: worked out from headings, title, comments in code, and path. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from pathlib import PurePosixPath

from training.synthesis.mined import MinedFrom
from training.synthesis.steps import case_of
from training.synthesis.words import LISTS, capitalised, is_identifier, lowered

MAX_NAME = 60
MAX_TITLE = 300

_RULES, _DOCUMENTS, _COMMON = LISTS["rules"], LISTS["document"], LISTS["common"]
_SECTIONS, _FILLERS = LISTS["section"], LISTS["filler"]
_AFTER_THE = LISTS["after_the"] | _RULES

_BEFORE = re.compile(
    r"(?:about|meet|introducing|introduction to|guide to|working with|notes on|how we handle|"
    r"how we run|getting started with|welcome to|operating|running|using|runbook|playbook|service|"
    r"policy|guide|handbook|manual|faq|reference|overview|project|app|appendix)\b"
    r"(?:\s*[:–—-]\s*|\s+(?:for\s+)?)",
    re.I,
)
_AFTER = re.compile(
    rf"\s{{0,3}}(?:[:|·–—]|\s-)\s{{0,3}}(?:{'|'.join(sorted(_DOCUMENTS))})\b[\w\s&,]{{0,40}}$", re.I
)
_NUMBERED = re.compile(r"^(?:\d{1,4}(?:\.\d{1,3}){0,3}[.)]?|§\s?\d+|[A-Z]\.)\s+(?=\S)")
_DESCRIBED = re.compile(r"\s+[-–—]\s+|[:,]\s+")
_COMMENT_PATH = re.compile(
    r"(?:#|//|;|--|<!--)\s{0,3}((?:[\w.-]{1,60}/){0,6}[\w.-]{1,60})\s{0,9}(?:-->)?$"
)
_INSIDE = re.compile(r"(?:(?<=[^\W\d_A-Z] )|(?<=[^\W\d_A-Z], ))[A-Z][\w-]{0,60}\w")
_PLURAL = re.compile(r"\b([A-Z][\w-]{1,60}s) (?:are|were|have|do|may|must|can|should)\b")
# Between spaces or marks, so that nothing inside an address or a path counts.
_WORD = re.compile(r"(?<![^\s(\"'])[^\W\d_][\w-]{0,60}\w(?=[\s,.;:!?)\"']|$)")
_PATH_IN_HEADING = re.compile(r"\(((?:[\w.-]{1,60}/){1,6}[\w.-]{1,60})\)")


@dataclass(frozen=True, slots=True)
class Subject:
    """`name` as it stands in a question: `cedar-vault`, `the Contact API`, `the leave policy`.

    It is empty where nothing names one. `bare` is the name without an article; `is_thing` is
    false where the name is only that of the document. `topic` is a heading that narrows it.
    """

    name: str
    bare: str
    is_thing: bool
    topic: str
    document: str
    case: str = ""
    """In which case the section tells what to do: `if the belt stands still`."""

    @property
    def narrowed(self) -> "Subject":
        """With the topic in its name: `the Booking API (Webhooks)`. Nobody asks so unless it is
        needed to tell two things apart."""
        is_named = bool(self.name and self.topic)
        return replace(self, name=f"{self.name} ({self.topic})") if is_named else self


def subject_of(passage: MinedFrom) -> Subject:
    """The thing that most facts of the passage are about; with the section in its name where that
    is a thing of its own, as its name tells."""
    title = " ".join(passage.title.split())[:MAX_TITLE]
    headings = tuple(numberless(heading) for heading in passage.heading_path)
    titled = _from_title(title, passage)
    is_overview = titled is None or (not titled.is_thing and _lists_things(title))
    named = _from_headings(headings, is_overview=is_overview) or _from_comment(passage) or titled
    named = named or _from_path(passage.path) or _Named("", "", is_thing=False)
    topic = _topic(headings, named.bare)
    case = case_of(headings)
    subject = Subject(named.name, named.bare, named.is_thing, topic, _document(title), case)
    is_other = bool(topic) and all(is_made(w) or w in passage.names for w in topic.split())
    return subject.narrowed if is_other else subject


def names_in(texts: Iterable[str]) -> frozenset[str]:
    """Words that stand with a capital inside a sentence, or again and again and never without.

    A plural that only starts sentences is none: `Readings are kept`.
    """
    whole = "\n".join(texts)
    written = Counter(_WORD.findall(whole))
    plural = frozenset(_PLURAL.findall(whole))
    steady = {
        word
        for word, count in written.items()
        if word[0].isupper() and count > 1 and word.lower() not in written and word not in plural
    }
    return frozenset(steady.union(_INSIDE.findall(whole)))


def is_generic(heading: str) -> bool:
    """Whether a heading names a kind of section (`At a glance`, `Notes`) and no thing."""
    words = re.findall(r"[\w'-]+", heading.lower()[:120])
    return all(word in _SECTIONS or word in _FILLERS or word.isdigit() for word in words)


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    bare: str
    is_thing: bool


def numberless(heading: str) -> str:
    """A heading without its number: `Plans` of `2. Plans`."""
    return _NUMBERED.sub("", " ".join(heading.split())[:200])


def _from_headings(headings: tuple[str, ...], *, is_overview: bool) -> _Named | None:
    """The last heading that is an identifier; any short noun, where the document lists things."""
    for heading in reversed(headings):
        bare = _without_alias(heading)
        if is_made(bare):
            return _named(bare)
        is_short = 1 <= len(bare.split()) <= 3 and not re.search(r"[,;:]|\b\d{2,}\b", bare)
        if is_overview and is_short and not is_generic(bare) and _is_noun(bare):
            is_shouted = bare.isupper() and len(bare) > 5 and bare.isalpha()
            return _named(bare.lower() if is_shouted else bare)
    return None


def _lists_things(title: str) -> bool:
    words = re.findall(r"[a-z]+", title.lower())
    return bool(words) and not LISTS["overview"].isdisjoint((words[0], words[-1]))


def _from_comment(passage: MinedFrom) -> _Named | None:
    """The folder that a path in the first comment of code, or in a heading, starts with."""
    first_line = passage.text[:200].strip().split("\n", 1)[0]
    found = _COMMENT_PATH.match(first_line) if passage.kind == "code" else None
    for heading in passage.heading_path:
        found = found or _PATH_IN_HEADING.search(heading[:300])
    return _from_path(found[1]) if found else None


def _from_path(path: str) -> _Named | None:
    parts = [part for part in path.split("/") if part]
    stems = [*parts[:-1], PurePosixPath(parts[-1]).stem] if parts else []
    for stem in stems:
        if stem.lower() not in LISTS["path"] and is_made(stem) and not stem[0].isdigit():
            return _named(stem)
    return None


def _from_title(title: str, passage: MinedFrom) -> _Named | None:
    """The name in a title; else the document itself, as a question would name it."""
    if described := _described(title, passage):
        return _named(described)
    core = _core(title)
    words = core.split()
    names_none = is_generic(core) and not (len(words) > 1 and words[-1].lower() in _AFTER_THE)
    if names_none or len(core) > MAX_NAME:
        return None
    is_short = len(words) <= 4 and _is_noun(core) and not re.search(r"[.?!,;:](?:\s|$)", core)
    last = words[-1].lower()
    if is_short and last not in _RULES:
        ends_as_thing = len(words) > 1 and last in _AFTER_THE
        thing = is_made(core) or ends_as_thing or _is_name(words)
        if thing:
            return _named(_cased(core, passage))
    if within := _within_title(title, passage):
        return _named(within)
    document = _document(title)
    return _Named(document, title, is_thing=False) if document else None


def _described(title: str, passage: MinedFrom) -> str:
    """`Stone Cistern` of `STONE CISTERN - level control`, where the file is called so; or empty."""
    head, *rest = _DESCRIBED.split(title, maxsplit=1)
    stem = PurePosixPath(passage.path).stem
    name = _core(head)
    if not rest or is_generic(name) or _words_of(name) != _words_of(stem):
        return ""
    is_thing = name.split()[-1].lower() not in _RULES and _is_noun(name) and _is_unusual(name)
    return _cased(name, passage) if is_thing else ""


def _within_title(title: str, passage: MinedFrom) -> str:
    """The name that a longer title has: `Heron` of `Getting to know Heron` and of `Heron, values
    in force`, where path and text tell that it is one. Empty: it has none, or two.

    A first word has its capital anyway, so the text has to tell that it is a name. A path made of
    all words of the title says no more than the title.
    """
    words = [word.strip("\"'“”‘’.,:;?!()–—") for word in title.split()]
    in_path = _words_of(passage.path)
    if _words_of(title) <= in_path:
        in_path = frozenset()

    def is_told(start: int, end: int) -> bool:
        if all(is_made(word) or word in passage.names for word in words[start:end]):
            return True
        return start > 0 and _words_of(" ".join(words[start:end])) <= in_path

    runs = [run for run in _name_runs(words) if is_told(*run)]
    names = [" ".join(words[start:end]) for start, end in runs]
    if len(names) != 1 or len(names[0]) == len(title):
        return ""
    return names[0] if _is_noun(names[0]) and _is_unusual(names[0]) else ""


def _name_runs(words: list[str]) -> Iterator[tuple[int, int]]:
    """Where in a title words stand side by side that are written as names are."""
    written = [
        is_made(word) or (word[:1].isupper() and word.lower() not in _FILLERS) for word in words
    ]
    for is_name, run in groupby(range(len(words)), key=written.__getitem__):
        places = list(run)
        if is_name:
            yield places[0], places[-1] + 1


def _words_of(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W_]+", text.lower()))


def _is_unusual(name: str) -> bool:
    """Whether one of its words is no everyday word, nor one of documents."""
    everyday = _COMMON | _SECTIONS | _DOCUMENTS | _AFTER_THE
    return any(
        _singular(word) not in everyday and word.lower() not in everyday for word in name.split()
    )


def _core(title: str) -> str:
    """The title without the words that say what kind of document it is."""
    bare = _AFTER.sub("", _without_alias(title))
    before = _BEFORE.match(bare)
    if before and bare[before.end() :].strip().lower() not in LISTS["overview"] | {""}:
        bare = bare[before.end() :]
    words = bare.split()
    while len(words) > 1 and words[-1].lower().strip(".:") in _DOCUMENTS:
        words.pop()
    return " ".join(words)


def _without_alias(heading: str) -> str:
    """`Telemetry Query API (TQ)` without what stands in brackets."""
    bare = numberless(heading).strip(" *_`\"':")
    opens = bare.rfind("(")
    return bare[:opens].strip() if opens > 0 and bare.endswith(")") else bare


def is_made(word: str) -> bool:
    """Whether one word is surely a name: `cedar-vault`, `task_routes`, `WeirSlow`, `HC-4092`."""
    if not is_identifier(word) or word.startswith(("http", "/", "-")) or word[0].isdigit():
        return False
    parts = re.split(r"[-_./]", word.lower())
    if re.search(r"[_\d#]|[a-z][A-Z]|\w\.\w", word):
        return True
    shouted = word.isupper() and "-" in word and len(word) > 6
    return (word.islower() or word.istitle() or shouted) and not LISTS["particle"] & set(parts)


def _is_noun(text: str) -> bool:
    """Whether a title or heading may be a thing: no gerund, question or phrase in front."""
    first, *others = text.lower().split()
    if re.fullmatch(r"[a-z]{2,}ing", first) and first not in LISTS["ing_noun"]:
        return False
    if not {"that", "which", "are", "is", "when", "and", "or", "vs"}.isdisjoint(others):
        return False
    return first not in _FILLERS and first not in ("if", "why", "never", "not", "no", "new")


def _is_name(words: list[str]) -> bool:
    """Whether every word is written as names are, and one is no everyday word."""
    if not all(is_made(word) or word[:1].isupper() or word[:1].isdigit() for word in words):
        return len(words) == 1 and words[0].lower() not in _COMMON
    everyday = _COMMON | _SECTIONS
    return any(_singular(word) not in everyday and word.lower() not in everyday for word in words)


def _singular(word: str) -> str:
    return re.sub(r"(?:['’]s?|s['’]?)$", "", word.lower())


def _cased(bare: str, passage: MinedFrom) -> str:
    """The name as the document writes it elsewhere or as the file is called, if only capitals
    differ; else without shouting."""
    stem = PurePosixPath(passage.path).stem
    if bare.isupper() and (calm := _calm_in(f"{passage.title}\n{passage.opening}", bare)):
        return calm
    if bare.lower() == stem.lower():
        return stem if "-" in bare or bare.isupper() else bare
    return bare.title() if bare.isupper() and len(bare) > 5 else bare


def _calm_in(text: str, shouted: str) -> str:
    """A name that is shouted as a text writes it elsewhere: `Ledgerline`; empty: it does not."""
    written = re.findall(rf"(?<![\w-]){re.escape(shouted)}(?![\w-])", text, re.IGNORECASE)
    return next((one for one in written if one.istitle() or ("-" in one and one.islower())), "")


def _named(bare: str) -> _Named:
    words = bare.split()
    if words[0].lower() == "the":
        words = words[1:]
        return _Named(f"the {' '.join(words)}", " ".join(words), is_thing=True)
    if len(words) > 1 and words[-1].lower() in _AFTER_THE:
        return _Named(f"the {_calmed(bare)}", bare, is_thing=True)
    return _Named(bare, bare, is_thing=True)


def _topic(headings: tuple[str, ...], bare: str) -> str:
    """The last heading that narrows the subject; empty if all are kinds of sections."""
    for heading in reversed(headings):
        shown = _without_alias(heading)
        if not shown or is_generic(shown) or shown.lower() == bare.lower():
            continue
        if shown.endswith("?") or len(shown) > MAX_NAME or not _is_noun(shown):
            return ""
        return "" if bare and bare.lower() in shown.lower() else shown
    return ""


def _document(title: str) -> str:
    """How a question names the document: `the cedar handbook`, or its title in quotes."""
    bare = numberless(title)
    shown = capitalised(bare.lower() if bare.isupper() else bare)
    words = shown.split()
    if not words or len(shown) > 80 or is_generic(shown):
        return ""
    if is_made(shown):
        return f"the {shown} page"
    kinds = _RULES | _DOCUMENTS if len(words) > 3 else _AFTER_THE | _DOCUMENTS
    is_noun = len(words) <= 6 and _is_noun(shown) and not re.search(r"[:,;?!]", shown)
    if is_noun and len(words) > 1 and words[-1].lower() in kinds:
        return f"the {_calmed(shown)}"
    return '"' + shown.replace('"', "'") + '"'


@lru_cache(maxsize=2_000)
def _calmed(title: str) -> str:
    """Small letters for ordinary words of a title such as `Cedar Service Handbook`."""
    words = title.split()
    kept = [
        word.lower() if place and word.lower() in (*_DOCUMENTS, *_RULES) else word
        for place, word in enumerate(words)
    ]
    if len(kept) > 1 and all(word.islower() for word in kept[1:]) and kept[0].lower() in _COMMON:
        return lowered(" ".join(kept))
    return " ".join(kept)
