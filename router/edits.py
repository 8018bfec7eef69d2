"""What of a passage that was edited still says what it said before. Pure."""

from collections.abc import Iterable, Iterator

from router.text import sentences


def kept_sentences(text: str, earlier: Iterable[str], *, of_lines: bool) -> tuple[int, ...]:
    """The numbers of the sentences of `text` that stood in one of the `earlier` texts.

    A sentence may lean on the one before it (*It takes 30 seconds*, or `timeout: 30s` below
    `staging:`), so both must have stood together. `of_lines`: it is a table or a list, whose rows
    and outermost items say all by themselves, as a term does with what stands below it.
    """
    lines: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    for one in earlier:
        for before, line, is_outermost in _read(one):
            pairs.add((before, line))
            if is_outermost:
                lines.add(line)
    return tuple(
        number
        for number, (before, line, is_outermost) in enumerate(_read(text))
        if (before, line) in pairs
        or ((of_lines or "\n" in line) and is_outermost and line in lines)
    )


def _read(text: str) -> Iterator[tuple[str, str, bool]]:
    """Of each sentence the one before it, empty for the first, itself, and whether it begins a line
    without an indent."""
    before = ""
    for start, end in sentences(text):
        line = text[start:end]
        yield before, line, start == 0 or text[start - 1] == "\n"
        before = line
