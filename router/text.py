"""Text as answers are compared in: folded characters, words, stems, sentences. Pure.

Folding keeps offsets: every place in a folded text leads back to the original, so that evidence
found in it can be marked in the document.
"""

import math
import re
import string
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_STOP_WORDS = """
a about after again all also am an and any are as at be because been before being below both but
by can could did do does doing done down during each either else ever every for from get gets give
given go goes got had has have having he her here him his how i if in into is it its itself just
kind let like long longer lot many may me might more most much must my need needs of off often on
once one only or other our out over own per please same shall she should show since so some such
take tell than that the their them then there these they this those through time times to too
under until up upon us use used uses using very want was we were what when where whether which
while who whom whose why will with within would yes you your
"""
_NEGATIONS = "no not never cannot none neither nor without nobody nothing"
# A verb and its forms that no ending makes, where they are no other word as well, as `left` is.
_IRREGULAR = """
begin began begun, break broke broken, bring brought, build built, buy bought, catch caught,
choose chose chosen, deal dealt, dig dug, drink drank drunk, drive drove driven, eat ate eaten,
fall fallen, feed fed, fight fought, fly flew flown, forget forgot forgotten, freeze froze frozen,
grow grew grown, hang hung, hide hid hidden, hold held, keep kept, know knew known, lay laid,
lead led, lend lent, lose lost, mean meant, meet met, pay paid, ride rode ridden, ring rang rung,
run ran, say said, seek sought, sell sold, send sent, shake shook shaken, show shown, sink sank,
sleep slept, speak spoken, spend spent, stand stood, steal stole stolen, stick stuck,
strike struck, sweep swept, swim swam swum, teach taught, tell told, think thought,
throw threw thrown, understand understood, wake woke woken, wear wore worn, withdraw withdrew
withdrawn, write wrote written
"""
_BASES = {form: base for base, *forms in map(str.split, _IRREGULAR.split(",")) for form in forms}
STOP_WORDS = frozenset(_STOP_WORDS.split())
NEGATIONS = frozenset(_NEGATIONS.split())

_CHARACTERS = str.maketrans(
    {"‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "‘": "'", "’": "'"}
    | {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"'}
)
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]|(?:(?![{_CJK}])[^\W_])+(?:'(?:t|s|re|ve|ll|d)\b)?")
_SENTENCE_END = re.compile(r"[.!?][\"')\]*_]*\s+(?=[\"'(`*\[]?[A-Z0-9])|[。！？]\s*|\n+")
# `- one`, and neither `--port` nor `#harbour-talk`.
_ITEM = r"[•>|]|(?:[-*]|#+|\d{1,3}[.)])\s"
# Alone between blank lines: `Port`, and below it `8080`.
_TERM = re.compile(
    rf"(?:\A|(?<=\n\n))(?P<term>(?!{_ITEM})[^\n:=]{{0,79}}[^\s.!?:=;,])"
    rf"\n(?=(?!{_ITEM})\S[^\n]*(?:\n\n|\Z))"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|resp|fig|no|nr|dr|mr|prof|incl|excl)"
    r"|(?<!\d)(?<!\d\s)\b(?:max|min|ms))\.\s*$",
    re.I,
)
# `Ada M. Lund`, `by R. Okafor`, `J.R. Hartley`, `St. Gallen`; it ends a sentence as well: `Hall B.`
_PART_OF_NAME = re.compile(
    r"(?:\b[^\W\d_a-z]\w*[^\W\d_A-Z] [A-Z]|\b[A-Z]\. [A-Z]|(?:[,:]|\bby) [A-Z]"
    r"|(?<!\d)(?<!\d )\b[A-Z]\.[A-Z]|\b(?:Inc|Jr|Ltd|Sr|St))\. +$"
)
_LETTERS = re.compile(r"[^\W\d_]+")
_MARK = re.compile(r"\s*\[(\d{1,2})\]")
_FINISHED = re.compile(
    r"(?:[.!?][\"')*]*(?:\s*\[\d{1,2}\])*\s+|[。！？](?:\[\d{1,2}\])*|\n+)(?=[^\s\[])"
)
ARTICLES = frozenset(("a", "an", "the"))
_LAST_ARTICLE = re.compile(r"(?:^| )(?:a|an|the)$")
_ARTICLE = re.compile(r"(?<!\S)(?:a|an|the) (?=[^\w\s]*\w)")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a folded text, with its stem and its place there."""

    text: str
    stem: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Folded:
    """A text in lower case, NFKC, with plain dashes and quotes; `offsets` lead back."""

    text: str
    offsets: tuple[int, ...] | None

    def original(self, place: int) -> int:
        """Where the character at `place` came from (`place` may be the end of the text)."""
        if self.offsets is None:
            return place
        return self.offsets[place]


def storable(text: str) -> str:
    """`text` as every database takes it: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode(errors="replace").decode()


def text_or_digits(value: object) -> str | None:
    """A text as it stands, and a number of JSON as its digits; None for anything else."""
    is_number = type(value) is int or (isinstance(value, float) and math.isfinite(value))
    return str(value) if is_number or isinstance(value, str) else None


def fold(text: str) -> Folded:
    """`text` folded character by character. Length may change; `Folded.original` undoes it."""
    if text.isascii():
        return Folded(text.lower(), None)
    pieces = [_folded(character) for character in text]
    offsets = [place for place, piece in enumerate(pieces) for _ in piece]
    return Folded("".join(pieces), (*offsets, len(text)))


@lru_cache(maxsize=4_096)
def _folded(character: str) -> str:
    return unicodedata.normalize("NFKC", character.translate(_CHARACTERS)).lower()


def words(folded: str) -> list[Word]:
    """The words of a folded text; `_` and punctuation separate, CJK characters stand alone."""
    return [
        Word(found[0], stem(found[0]), found.start(), found.end())
        for found in _WORD.finditer(folded)
    ]


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A light English stem: plural, -ed, -ing and a final e are off, `held` is `hold`; all else
    stays."""
    word = word.removesuffix("'s")
    word = _BASES.get(word, word)
    if len(word) <= 3 or not word.isascii() or not word.isalpha():
        return word
    for ending, instead in (("ies", "y"), ("ied", "y"), ("sses", "ss"), ("ing", ""), ("ed", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending) + instead
            break
    else:
        if word.endswith("s") and not word.endswith(("ss", "us", "is")):
            word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


def is_content(word: Word) -> bool:
    """Whether a word says something by itself."""
    return word.text not in STOP_WORDS and word.text not in NEGATIONS and "'t" not in word.text


def content_stems(text: str) -> frozenset[str]:
    """What a text is about: its content words without their endings."""
    return frozenset(word.stem for word in words(fold(text).text) if is_content(word))


def is_negation(word: Word) -> bool:
    return word.text in NEGATIONS or word.text.endswith("n't")


def sentences(text: str) -> list[tuple[int, int]]:
    """The start and end of every sentence or line of `text`, outer white space left out. A term and
    what it is, right below it, are one."""
    terms = {found.end("term") for found in _TERM.finditer(text)}
    ends = [one.end() for one in _SENTENCE_END.finditer(text) if one.start() not in terms]
    spans = []
    start = 0
    for end in [*ends, len(text)]:
        if _goes_on(text, start, end):
            continue
        piece = text[start:end]
        if piece.strip():
            left = start + len(piece) - len(piece.lstrip())
            spans.append((left, start + len(piece.rstrip())))
        start = end
    return spans


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether a sentence goes on behind what looks like its end: a short form, or a part of a name
    that no small word follows, as it would begin another sentence. The last word of a growing text
    may grow to another one."""
    piece = text[start:end]
    if end == len(text) or _ABBREVIATION.search(piece):
        return end < len(text)
    following = _LETTERS.match(text, end)
    if following is None or not _PART_OF_NAME.search(piece):
        return False
    return following.end() == len(text) or following[0].lower() not in STOP_WORDS


def split_finished(text: str) -> tuple[list[str], str]:
    """The sentences of a growing text that are surely finished, and the rest of it.

    A citation mark after the full stop belongs to the sentence before it. Joined together, the
    pieces are `text` again.
    """
    finished = []
    start = 0
    for found in _FINISHED.finditer(text):
        if not _goes_on(text, start, found.end()):
            finished.append(text[start : found.end()])
            start = found.end()
    return finished, text[start:]


def without_marks(text: str) -> str:
    """`text` without citation marks such as ` [2]`."""
    return _MARK.sub("", text)


def marks(text: str) -> list[int]:
    """The numbers of the citation marks of `text`, each once, in order."""
    return list(dict.fromkeys(int(number) for number in _MARK.findall(text)))


def plain_form(text: str) -> str:
    """`text` in NFKC and lower case, white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def exact_form(text: str) -> str:
    """The form in which two answers are the same: the plain form, outer punctuation and articles
    off. An article is a word by itself with another behind it: `A-17` and `Rack A` have none."""
    return _without_outer(_ARTICLE.sub("", _without_outer(plain_form(text))))


def may_become(said: str, value: str) -> bool:
    """Whether a text that grows is so far the beginning of `value`, both in their exact form. What
    may be an article at its end is one if a word follows."""
    begun = exact_form(said)
    return exact_form(value).startswith((begun, _LAST_ARTICLE.sub("", begun)))


def _without_outer(text: str) -> str:
    return text.strip("".join(filter(_is_outer, set(text))))


@lru_cache(maxsize=4_096)
def _is_outer(character: str) -> bool:
    """Whether it is punctuation in any language, or a blank."""
    is_ascii = character == " " or character in string.punctuation
    return is_ascii or unicodedata.category(character).startswith("P")
