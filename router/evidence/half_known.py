"""Names in small letters of which the titles know one word. Pure.

People type names as they like. Beside `Gavel Otter` and `Gavel Heron`, *gavel badger* is a third
thing, which has a port of its own, and so is *sharps lantern* beside `Crate Lantern`. Of a page
that is found for the word they share, nothing is an answer.
"""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from itertools import pairwise

from router.evidence.environments import environments_asked
from router.evidence.named import (
    ADJECTIVE_ENDINGS,
    BEFORE_DOERS,
    BEFORE_NAMES,
    POSSESSIVE,
    runs_of_names,
)
from router.text import Word, fold, is_content, words

_BEFORE_CLAUSES = frozenset({"if", "when", "whether"})
_PREPOSITIONS = frozenset({"about", "at", "from", "in", "inside", "on", "via", "with"})
# What tells which of several, and names none: `of the main lantern`.
_DESCRIBING = frozenset(
    {
        *("big", "central", "current", "default", "entire", "first", "large", "last", "latest"),
        *("live", "local", "main", "new", "next", "old", "primary", "remote", "second"),
        *("secondary", "small", "third", "whole"),
    }
)


def half_known_in(
    question: str,
    titles: Iterable[str],
    told: AbstractSet[str],
    written: AbstractSet[tuple[str, str]] = frozenset(),
) -> list[str]:
    """Names of two words of which one is that of a title at the same end, folded.

    Such a one is what a passage writes as a name (`written`, by its words), whether or not it has a
    page here. Otherwise the other word may be any where only names stand without an article (*log
    of sharps lantern*, *is sharps lantern well?*, and not *number of retries lantern makes*).
    Elsewhere it is one that stands in no passage, whose stems are `told`: at the beginning of a
    question, or beside what several titles have, which nobody calls by that word alone.
    """
    known = {run for title in titles for run in runs_of_names(title)}
    parts = {part for run in known for part in pairwise(run)}
    firsts, lasts = (Counter(run[end] for run in known if len(run) == 2) for end in (0, -1))
    folded = fold(question).text
    typed = words(folded)
    found = []
    for place, (first, last) in enumerate(pairwise(typed)):
        name = first.text, POSSESSIVE.sub("", last.text)
        if name in parts or folded[first.end : last.start] not in (" ", "-"):
            continue
        before, after = typed[:place], typed[place + 2 :]
        is_object = _is_object(before, after)
        is_written = name in written
        if lasts[name[1]] and _may_be_named(first):
            is_strange = first.stem not in told and (not before or lasts[name[1]] > 1)
            is_name = is_written or is_strange or is_object or _is_doer(before)
        elif firsts[name[0]] and _may_be_named(last) and (is_written or last.stem not in told):
            is_subject = not before and bool(after) and is_content(after[0])
            is_one_of_several = firsts[name[0]] > 1 or name[1] != last.text
            is_name = is_written or is_object or is_subject or is_one_of_several
        else:
            continue
        if is_name:
            found.append(" ".join(name))
    return found


def _is_object(before: list[Word], after: list[Word]) -> bool:
    """Whether a name stands between these, as what follows is nothing that it does."""
    stands = bool(before) and before[-1].text in BEFORE_NAMES | _PREPOSITIONS
    return stands and not (after and is_content(after[0]))


def _is_doer(before: list[Word]) -> bool:
    return bool(before) and before[-1].text in BEFORE_DOERS | _BEFORE_CLAUSES


def _may_be_named(word: Word) -> bool:
    return (
        is_content(word)
        and word.text not in _DESCRIBING
        and not word.text.endswith(ADJECTIVE_ENDINGS)
        and not environments_asked(word.text)
    )
