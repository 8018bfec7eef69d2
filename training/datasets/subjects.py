"""What a question asks about: the words that it shares with the names of its document. Pure.

A name is a title, a part of the path, or a heading. The subject of a question is the longest run
of words that stands in it and in a name, and not in the names of most other documents as well;
where no name is mentioned, it is an identifier that the passage has too.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from router.text import Word, fold, is_content, words
from training.datasets.material import Pair, Source
from training.synthesis.subjects import is_generic, is_made

MAX_WORDS = 6
# A run of words in the names of more documents than this share tells none of them apart.
MOST_DOCUMENTS = 0.3
FEW_DOCUMENTS = 3
# An everyday word is a subject only if so many of the questions on its document have it.
LEAST_QUESTIONS = 0.5

Run = tuple[str, ...]  # stems


@dataclass(frozen=True, slots=True)
class Mention:
    """A subject as it stands in a question: `question[start:end]`."""

    run: Run
    start: int
    end: int

    def replaced(self, question: str, other: str) -> str:
        return question[: self.start] + other + question[self.end :]


class Subjects:
    """Finds the subjects of the questions on these documents."""

    def __init__(self, sources: Mapping[int, Source], pairs: Iterable[Pair]) -> None:
        self._sources = sources
        documents = Counter(
            run
            for source in sources.values()
            for run in {run for name in names_of(source) for run in _runs_of(name)}
        )
        most = max(FEW_DOCUMENTS, int(MOST_DOCUMENTS * len(sources)))
        self._common = {run for run, count in documents.items() if count > most}
        questions: dict[int, list[set[Run]]] = defaultdict(list)
        for pair in pairs:
            questions[pair.document].append(set(_runs_of(pair.question)))
        self._questions = dict(questions)

    def of(self, pair: Pair) -> Mention | None:
        """The subject of the pair's question; None where nothing names one."""
        source = self._sources[pair.document]
        return self.named(
            pair.question, pair.document, names_of(source, pair.passage)
        ) or _identifier(pair, source)

    def named(self, question: str, document: int, names: Iterable[str]) -> Mention | None:
        """The mention of one of the names in a question about the document."""
        runs = {run for name in names for run in _runs_of(name)} - self._common
        mentions = [
            mention
            for mention in _mentions(question)
            if mention.run in runs and self._tells(mention, question, document)
        ]
        # Of one length, the later one: what is asked of comes before what it is asked about.
        return max(
            mentions,
            key=lambda mention: (_is_name(question, mention), len(mention.run), mention.start),
            default=None,
        )

    def _tells(self, mention: Mention, question: str, document: int) -> bool:
        if len(mention.run) > 1 or _is_name(question, mention):
            return True
        others = self._questions.get(document, [])
        having = sum(mention.run in runs for runs in others)
        return len(others) > 1 and having >= LEAST_QUESTIONS * len(others)


def names_of(source: Source, passage: str | None = None) -> Iterator[str]:
    yield source.title
    path = PurePosixPath(source.path)
    yield from (*path.parent.parts, path.stem)
    chosen = [source.passages[passage]] if passage else source.passages.values()
    for each in chosen:
        yield from each.heading.split(" > ")


@lru_cache(maxsize=100_000)
def _runs_of(text: str) -> frozenset[Run]:
    return frozenset(mention.run for mention in _mentions(text))


@lru_cache(maxsize=20_000)
def _mentions(text: str) -> tuple[Mention, ...]:
    """All runs of up to `MAX_WORDS` words that begin and end with a word of content."""
    folded = fold(text)
    found = words(folded.text)
    return tuple(
        Mention(
            tuple(word.stem for word in found[first:last]),
            folded.original(found[first].start),
            folded.original(_end(found[last - 1])),
        )
        for first in range(len(found))
        for last in range(first + 1, min(first + MAX_WORDS, len(found)) + 1)
        if is_content(found[first])
        and is_content(found[last - 1])
        and not is_generic(folded.text[found[first].start : found[last - 1].end])
    )


def _end(word: Word) -> int:
    return word.end - 2 if word.text.endswith("'s") else word.end


def _is_name(question: str, mention: Mention) -> bool:
    """Whether the mention is written as names are: an identifier, or a capital inside."""
    surface = question[mention.start : mention.end]
    return (
        is_made(surface)
        or any(character.isdigit() for character in surface)
        or (mention.start > 0 and surface[:1].isupper())
        or any(character.isupper() for character in surface[1:])
    )


def _identifier(pair: Pair, source: Source) -> Mention | None:
    text = source.passages[pair.passage].text
    start = 0
    for token in pair.question.split():
        start = pair.question.index(token, start)
        bare = token.strip("`\"'“”‘’?.,:;()").removesuffix("'s").removesuffix("’s")
        if bare and is_made(bare) and bare in text and bare not in pair.answer:
            at = start + token.index(bare)
            run = tuple(word.stem for word in words(fold(bare).text))
            return Mention(run, at, at + len(bare))
        start += len(token)
    return None
