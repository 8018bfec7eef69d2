"""The parts of an answer that can be checked: numbers, identifiers, code, quotes, names. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from router.evidence.quantities import Kind, Quantity, quantities
from router.text import Word, fold, is_content, words


class ClaimKind(Enum):
    QUANTITY = "quantity"
    LITERAL = "literal"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Claim:
    """A part of an answer that must stand in its source. `text` is as the answer writes it.

    `counted` are the stems of what a bare number counts: in `9 failed attempts`, the last two.
    """

    kind: ClaimKind
    text: str
    quantity: Quantity | None = None
    counted: frozenset[str] = frozenset()


# `9 times` counts whatever is done, so it is said of attempts and of retries, but of no seconds.
TIMES = "times"

_QUOTED = re.compile(r"`+([^`]+)`+|\"([^\"\n]{2,}?)\"|“([^”\n]{2,}?)”|«([^»\n]{2,}?)»")
_CHUNK = re.compile(r"[^\s\"`“”«»<>,;|]+")
_OUTER = "()[]{}'*.:!?…"
_IDENTIFIER = re.compile(
    r"""--?[A-Za-z]                # a flag
    | [#@$~][\w/{]                 # a channel, a handle, a variable
    | \.{0,2}/\w                   # a path
    | \w+://                       # an address
    | .*(?:
        \w_|_\w                    # snake_case
        | [a-z][A-Z]               # camelCase
        | \w[@\\=]\w | ::          # e-mail, Windows path, assignment
        | \w/\S*[\d._/]            # a path without a slash before it
        | \w\w\.\w | \w\.\w\w      # dotted
        | [A-Za-z]\d | \d[A-Za-z]  # letters and digits
        | [A-Za-z]-\d | \d-[A-Za-z]
        | \w\(\)                   # a call
    )""",
    re.VERBOSE,
)
HYPHENATED = re.compile(r"[A-Za-z]{2,}(?:-[A-Za-z]{2,})+")
"""A plain word of two or more parts: `dead-letter`, `amber-ledger`."""
_CAPITALS = re.compile(r"[A-Z]{2,}")
# `I'd` and `I've` are nobody's names. Up to the first small letter, as what a name that can be read
# in many ways costs grows with the fourth power of its length where several follow each other.
_NAME = re.compile(r"(?!I['’])[A-Z](?:(?![a-z])[\w'’])*[a-z][\w'’]*")
WHOLE_NAME = re.compile(rf"(?<!\w){_NAME.pattern}(?: {_NAME.pattern}){{1,3}}")
"""Of two to four words with capitals: `Ada Lund`."""
_SENTENCE_START = re.compile(r"(?:^|[.!?:]\s+|\n)[\s\"'“‘(*\-•>]*$")
# Characters between the end of a sentence and the next one's first word. To look through all that
# stands before each name would take as long as somebody likes.
_LONGEST_START = 40


def claims_of(answer: str) -> list[Claim]:
    """Every claim of an answer without citation marks, in no particular order, none twice."""
    found: dict[str, Claim] = {}
    for claim in (
        *_quoted(answer),
        *_quantities(answer),
        *identifiers_in(answer),
        *_only_name(answer),
        *names_in(answer),
    ):
        found.setdefault(fold(claim.text).text, claim)
    return list(found.values())


def literal_pattern(text: str) -> re.Pattern[str]:
    """Finds `text` in a folded text on token borders: no `v2` in `v2.1`, no `10` in `100`.

    White space may differ, and so may the sign between the parts of a plain hyphenated word.
    """
    folded = fold(text.strip()).text
    if HYPHENATED.fullmatch(folded):
        body = "[-_ ]?".join(map(re.escape, folded.split("-")))
    else:
        body = r"\s+".join(map(re.escape, folded.split())).replace("=", r"\s?[=:]\s?[\"']?")
    before = r"(?<!\w)(?<!\w[-@])" if folded[:1].isalnum() else ""
    inside_dots = r"(?<!\w\.)" if "." in folded else ""
    after = r"(?!\w)(?![-.:@/]\w)" if folded[-1:].isalnum() else ""
    return re.compile(before + inside_dots + body + after)


def counted_things(quantity: Quantity, around: Sequence[Word]) -> frozenset[str]:
    """The stems of what a bare number counts: the content words right behind it, at most three."""
    if quantity.kind is not Kind.NUMBER or quantity.units:
        return frozenset()
    return counted_from(quantity.end, around)


def counted_from(end: int, around: Sequence[Word]) -> frozenset[str]:
    """The stems of the content words that follow each other from a place on, at most three."""
    counted: list[str] = []
    for word in around:
        if word.start == end + 1 and is_content(word) and len(counted) < 3:
            counted.append(word.stem)
            end = word.end
    return frozenset(counted)


def place_of_phrase(phrase: Sequence[Word], text: Sequence[Word]) -> int | None:
    """The place among the words of `text` where the stems of `phrase` follow each other."""
    stems = [word.stem for word in phrase]
    for place in range(len(text) - len(stems) + 1):
        if all(text[place + step].stem == stem for step, stem in enumerate(stems)):
            return place
    return None


def without_quotes(text: str) -> str:
    """The text without the quotation marks and backticks around a part of it."""
    return _QUOTED.sub(lambda match: f" {_inner(match)} ", text)


def _inner(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None)


def _quoted(answer: str) -> Iterator[Claim]:
    for match in _QUOTED.finditer(answer):
        inner = _inner(match).strip()
        if inner:
            yield _literal_or_quantity(inner)


def _literal_or_quantity(text: str) -> Claim:
    """`9 seconds` in quotes is still a quantity: `9 s` bears it out."""
    folded = fold(text).text
    for quantity in quantities(folded):
        if quantity.start == 0 and quantity.end == len(folded):
            return Claim(ClaimKind.QUANTITY, text, quantity)
    return Claim(ClaimKind.LITERAL, text)


def _unquoted(answer: str) -> str:
    return _QUOTED.sub(lambda match: " " * len(match[0]), answer)


def _quantities(answer: str) -> Iterator[Claim]:
    text = _unquoted(answer)
    folded = fold(text)
    for quantity in quantities(folded.text):
        said = text[folded.original(quantity.start) : folded.original(quantity.end)]
        if said.lower() != "one":
            counted = counted_things(quantity, words(folded.text))
            if folded.text.startswith(" times", quantity.end) and not quantity.units:
                counted |= {TIMES}
            yield Claim(ClaimKind.QUANTITY, said, quantity, counted)


def identifiers_in(text: str) -> Iterator[Claim]:
    """What is written as no plain word is: `max_retries`, `/etc/app.yaml`, `--force`, `HTTP`."""
    unquoted = _unquoted(text)
    folded = fold(unquoted)
    counted = [
        (folded.original(quantity.start), folded.original(quantity.end))
        for quantity in quantities(folded.text)
    ]
    for match in _CHUNK.finditer(unquoted):
        chunk = match[0].lstrip("()[]{}'*:!?…").rstrip(_OUTER)
        chunk = chunk.removesuffix("'s").removesuffix("’s")
        if not chunk or _is_abbreviation(fold(chunk).text):
            continue
        start = match.start() + match[0].index(chunk)
        if any(first <= start and start + len(chunk) <= last for first, last in counted):
            continue
        if match[0].startswith(f"{chunk}()"):
            chunk += "()"
        if _IDENTIFIER.match(chunk) or HYPHENATED.fullmatch(chunk) or _CAPITALS.fullmatch(chunk):
            yield Claim(ClaimKind.LITERAL, chunk)


def _is_abbreviation(folded: str) -> bool:
    return folded in {"e.g", "i.e", "a.m", "p.m", "and/or", "n/a", "ok"}


def _only_name(answer: str) -> Iterator[Claim]:
    """An answer that is a name and no more: its first word starts no sentence."""
    said = answer.strip(_OUTER)
    if WHOLE_NAME.fullmatch(said):
        yield Claim(ClaimKind.NAME, said)


def names_in(text: str) -> Iterator[Claim]:
    """Runs of capitalised words. A run that starts a sentence has lost its first word."""
    run: list[re.Match[str]] = []
    unquoted = _unquoted(text)
    for match in [*re.finditer(r"[\w'’-]+", unquoted), None]:
        joins = match is not None and not run
        if run and match is not None:
            joins = unquoted[run[-1].end() : match.start()] == " "
        named = match is not None and bool(_NAME.fullmatch(match[0]))
        if match is not None and named and joins:
            run.append(match)
            continue
        yield from _name(run, unquoted)
        run = [match] if match is not None and named else []


def _name(run: list[re.Match[str]], text: str) -> Iterator[Claim]:
    if run and _starts_sentence(text, run[0].start()):
        run = run[1:]
    while run and not is_content(words(fold(run[0][0]).text)[0]):
        run = run[1:]
    if run:
        yield Claim(ClaimKind.NAME, text[run[0].start() : run[-1].end()])


def _starts_sentence(text: str, place: int) -> bool:
    return bool(_SENTENCE_START.search(text, max(place - _LONGEST_START, 0), place))
