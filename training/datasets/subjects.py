"""What a question asks about: the words that it shares with the names of its document. Pure.

A name is a title, a part of the path, or a heading. The subject of a question is what stands in a
name and is a thing that several questions are about alone, or the most of one; else, in this order,
an identifier that stands in a name; one that the passage has; the longest run of words that stands
in a name, unless it stands in those of most other documents too.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from router.precedents.frames import mentions, named_alone, names_of, things_among
from router.text import Word, fold, is_content, words
from training.datasets.material import Pair, Source
from training.synthesis.subjects import is_generic, is_made

# A longer run is the title of a text and not the name of a thing.
MAX_WORDS = 4
MAX_RUN = 10
# A run of words in the names of more documents than this share tells none of them apart.
MOST_DOCUMENTS = 0.3
FEW_DOCUMENTS = 3
# A small everyday word is a subject only if it is all of a name but for words like `handbook`,
# and so many of the questions on its document have it.
LEAST_QUESTIONS = 0.5

_ACRONYM = re.compile("[A-Z]{1,5}")  # `I` is one
_GLUE = ("-", "_", "/")
_AROUND = "`\"'“”‘’?.,:;()[]"
_QUOTED = re.compile('["“`\']\\S[^"“”`]*["”`\']')

Run = tuple[str, ...]  # stems


@dataclass(frozen=True, slots=True)
class Mention:
    """A subject as it stands in a question: `question[start:end]`."""

    run: Run
    start: int
    end: int
    is_identifier: bool = False

    def replaced(self, question: str, other: str) -> str:
        return question[: self.start] + other + question[self.end :]


class Subjects:
    """Finds the subjects of the questions on these documents."""

    def __init__(self, sources: Mapping[int, Source], pairs: Iterable[Pair]) -> None:
        self._sources = sources
        documents = Counter(
            run
            for source in sources.values()
            for run in {run for name in _names(source) for run in _runs_of(name)}
        )
        most = max(FEW_DOCUMENTS, int(MOST_DOCUMENTS * len(sources)))
        self._common = {run for run, count in documents.items() if count > most}
        # On each document, and those of them that have a word.
        self._questions: Counter[int] = Counter()
        self._having: Counter[tuple[int, Run]] = Counter()
        named = []
        for pair in pairs:
            named.append(names_of(pair.question))
            self._questions[pair.document] += 1
            runs = _runs_of(pair.question)
            self._having.update((pair.document, run) for run in runs if len(run) == 1)
        self._things = things_among(named_alone(named))

    def of(self, pair: Pair) -> Mention | None:
        """The subject of the pair's question; None where nothing names one."""
        source = self._sources[pair.document]
        names, text = _names(source, pair.passage), source.passages[pair.passage].text
        mention = self.named(pair.question, pair.document, names)
        if mention is not None and (
            mention.is_identifier or self._of_things(mention, pair.question)
        ):
            return mention
        in_text = (
            each
            for token, each in _identifiers(pair.question)
            if token in text and token not in pair.answer
        )
        return next(in_text, mention)

    def named(self, question: str, document: int, names: Iterable[str]) -> Mention | None:
        """The mention of one of the names in a question about the document."""
        given = list(names)
        runs = {run for name in given for run in _runs_of(name)} - self._common
        identifiers = [mention for _, mention in _identifiers(question) if mention.run in runs]
        whole = {_whole(name) for name in given}
        others = [
            mention
            for mention in _mentions(question)
            if mention.run in runs and self._tells(mention, question, document, whole)
        ]
        # Of one length, the later one: what is asked of comes before what it is asked about.
        best = max(
            (*identifiers, *others),
            key=lambda each: (
                self._of_things(each, question),
                each.is_identifier,
                len(each.run),
                each.start,
            ),
            default=None,
        )
        return best if best and (best.is_identifier or len(best.run) <= MAX_WORDS) else None

    def _of_things(self, mention: Mention, question: str) -> int:
        """The characters of it that name a thing."""
        folded = fold(question[mention.start : mention.end]).text
        return sum(end - start for start, end in mentions(folded, self._things))

    def _tells(
        self, mention: Mention, question: str, document: int, whole: AbstractSet[Run]
    ) -> bool:
        surface = question[mention.start : mention.end]
        if len(mention.run) > 1 or (mention.start > 0 and _is_name(surface)):
            return True
        others, having = self._questions[document], self._having[document, mention.run]
        return mention.run in whole and others > 1 and having >= LEAST_QUESTIONS * others


def _names(source: Source, passage: str | None = None) -> Iterator[str]:
    yield source.title
    path = PurePosixPath(source.path)
    yield from (*path.parent.parts, path.stem)
    chosen = [source.passages[passage]] if passage else source.passages.values()
    for each in chosen:
        yield from each.heading.split(" > ")


@lru_cache(maxsize=100_000)
def _runs_of(text: str) -> frozenset[Run]:
    return frozenset(mention.run for mention in _mentions(text))


def _whole(name: str) -> Run:
    """The name without words that say what kind of text it is."""
    found = words(fold(name).text)
    return tuple(word.stem for word in found if is_content(word) and not is_generic(word.text))


@lru_cache(maxsize=20_000)
def _mentions(text: str) -> tuple[Mention, ...]:
    """All runs of up to `MAX_RUN` words that begin and end with a word of content."""
    folded = fold(text)
    found = words(folded.text)
    return tuple(
        Mention(
            tuple(word.stem for word in found[first:last]),
            folded.original(found[first].start),
            folded.original(_end(found[last - 1])),
        )
        for first in range(len(found))
        for last in range(first + 1, min(first + MAX_RUN, len(found)) + 1)
        if is_content(found[first])
        and is_content(found[last - 1])
        and not folded.text[: found[first].start].endswith(_GLUE)
        and not folded.text[found[last - 1].end :].startswith(_GLUE)
        and not is_generic(folded.text[found[first].start : found[last - 1].end])
    )


def _end(word: Word) -> int:
    return word.end - 2 if word.text.endswith("'s") else word.end


def _identifiers(question: str) -> Iterator[tuple[str, Mention]]:
    for token, start in _tokens(question):
        if is_made(token) and not token[0].isdigit():
            run = tuple(word.stem for word in words(fold(token).text))
            yield token, Mention(run, start, start + len(token), is_identifier=True)


def _tokens(question: str) -> Iterator[tuple[str, int]]:
    """The words between spaces without the marks around them, each with its place."""
    for found in re.finditer(r"\S+", question):
        token = found[0].lstrip(_AROUND)
        start = found.end() - len(token)
        bare = re.sub(r"['’]s$", "", token.rstrip(_AROUND))
        if bare:
            yield bare, start


def mentions_names(question: str) -> bool:
    """Whether anything but the first word is quoted or written as names are."""
    return bool(_QUOTED.search(question)) or any(
        _is_name(token) and not _ACRONYM.fullmatch(token)
        for token, start in _tokens(question)
        if start > 0
    )


def _is_name(surface: str) -> bool:
    """Whether it is written as names are: an identifier, a digit, or a capital."""
    return is_made(surface) or any(
        character.isdigit() or character.isupper() for character in surface
    )
