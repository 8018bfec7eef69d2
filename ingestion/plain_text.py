"""Plain text to HTML: headings, lists, terms, tables and code told from how the lines stand."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

from ingestion.sections import says_much

_RULE = re.compile(r"\s*([=\-~#*_^+.])(?:\1|\s(?=\1)){2,}\s*$")
_TABLE_RULE = re.compile(r"\s*\+?[-=+| :]*[-=]{2}[-=+| :]*$")
_BULLET = re.compile(r"(\s*)[-*+•·‣◦–]\s+(?=\S)")
_NUMBER = re.compile(r"(\s*)(\(?\d{1,3}[.)]|\(?[a-z]\))\s+(?=\S)")
_PAIR = re.compile(
    r"\s*[^\s:][^:]{0,50}:\s+\S|\s*[^\s:][^:]{0,50}:$|\s*[\w.\[\]-]{1,60}\s?=\s?[^\s=]"
    r"|\s*\[[\w. -]{1,60}\]$"
)
_NUMBERED = re.compile(r"(\d+(?:\.\d+)*)\.?\s+[A-Z]\S*(?:\s+\S+){0,9}$")
_CODE = re.compile(r"[{}\[\]();=<>|$\\`]|^\s*(?:#|//|- )|^\s*[\w./-]+:(?:\s|$)|\s--?\w|^\s*\S+/\S+")
_COMMON = re.compile(r"\b(?:the|and|of|to|is|are|in|for|a|an|it|that|with|on)\b", re.IGNORECASE)
_GAP = re.compile(r"\s{2,}")
_AROUND_DASH = re.compile(r"(?<=\S)\s+(?:-{1,3}|[–—])\s+")
_LEADERS = re.compile(r"(\s*\S.{0,60}?)(?:\s*\.{4,}|\s+\.{3}|(?:\s\.){3,})\s+(?=[^\s.])")
# Beside such lines, where the space was narrow.
_SHORT_LEADERS = re.compile(r"(\s*\S.{0,60}?)\s+\.{1,2}\s+(?=[^\s.])")
# Aligned, there may be one space before the colon behind the longest key.
_ALIGNED = re.compile(r"\s*[^\s:][^:]{0,50}\s(:)\s+\S")
_FENCE = re.compile(r"\s*(```+|~~~+)\s*([\w+#-]*)\s*$")
_SLACK = 10
"""Characters by which a wrapped line may end early."""


@dataclass(slots=True)
class _Writer:
    """Collects HTML, and gives heading styles their levels in order of first use."""

    width: int
    parts: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)

    def heading(self, text: str, style: str) -> None:
        if not self.parts:
            self._write("h1", text)
            return
        if style not in self.styles:
            self.styles.append(style)
        self._write(f"h{min(self.styles.index(style) + 2, 6)}", text)

    def paragraph(self, lines: Sequence[str]) -> None:
        self.parts.append(f"<p>{_joined(lines, self.width)}</p>")

    def code(self, lines: Sequence[str], language: str = "") -> None:
        margin = min((_indent(line) for line in lines if line.strip()), default=0)
        text = escape("\n".join(line[margin:] for line in lines))
        named = f' class="language-{escape(language)}"' if language else ""
        self.parts.append(f"<pre><code{named}>{text}</code></pre>")

    def item(self, depth: int, lines: Sequence[str]) -> None:
        text = _joined(lines, self.width)
        self.parts.append(f"{'<ul>' * depth}<li>{text}</li>{'</ul>' * depth}")

    def term(self, term: str, lines: Sequence[str]) -> None:
        text = _joined(lines, self.width)
        self.parts.append(f"<dl><dt>{escape(term.strip())}</dt><dd>{text}</dd></dl>")

    def table(self, rows: Sequence[Sequence[str]], *, has_header: bool) -> None:
        tags = ["th" if has_header and not number else "td" for number in range(len(rows))]
        cells = (
            "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row)
            for tag, row in zip(tags, rows, strict=True)
        )
        self.parts.append(f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>")

    def _write(self, tag: str, text: str) -> None:
        self.parts.append(f"<{tag}>{escape(text.strip())}</{tag}>")


def to_html(text: str) -> str:
    indented = list(_blocks(text.expandtabs(4).split("\n")))
    lengths = sorted(
        len(line) for block in indented for line in block if not _GAP.search(line.strip())
    )
    writer = _Writer(width=lengths[-1] if lengths else 0)
    margin = min((_indent(line) for block in indented for line in block), default=0)
    blocks = [[line[margin:] for line in block] for block in indented]
    is_sectioned = _is_sectioned(blocks, writer.width)
    above = 0
    for place, block in enumerate(blocks):
        is_last = place == len(blocks) - 1
        if _is_numbered_heading(blocks, place):
            writer.heading(block[0], _heading_style(block[0], is_last=is_last))
            above = 0
            continue
        if is_sectioned and _is_headed(block, writer.width):
            writer.heading(block[0], _heading_style(block[0], is_last=False) or "plain")
            block = block[1:]
        _write_block(writer, block, above, is_last=is_last)
        if not _is_code(block, above):
            above = _text_indent(block)
    return "\n".join(writer.parts)


def without_leader(line: str) -> str:
    """`port: 8080` for `port ........ 8080` and `port .. 8080`, any other line as it is."""
    found = _LEADERS.match(line) or _SHORT_LEADERS.match(line)
    return f"{found[1]}: {line[found.end() :]}" if found else line


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    """Runs of lines without an empty one; a fenced block is one run."""
    block: list[str] = []
    fence = ""
    for line in lines:
        is_underline = bool(block) and not fence and _is_underline(line, block[-1])
        mark = None if is_underline else _FENCE.match(line)
        if fence:
            block.append(line)
            if mark and mark[1].startswith(fence):
                yield block
                block, fence = [], ""
        elif mark:
            if block:
                yield block
            block, fence = [line], mark[1]
        elif line.strip():
            block.append(line.rstrip())
        elif block:
            yield block
            block = []
    if block:
        yield block


def _is_underline(line: str, above: str) -> bool:
    """Tildes as long as the words above them are a rule, and no fence of code."""
    return set(line.strip()) == {"~"} and abs(len(line.strip()) - len(above.strip())) <= 2


def _is_sectioned(blocks: Sequence[Sequence[str]], width: int) -> bool:
    """Whether lines right above a text head it, and are no terms of a glossary."""
    texts = [" ".join(block[1:]) for block in blocks if _is_headed(block, width)]
    several = sum(map(says_much, texts))
    return several > 1 and 2 * several >= len(texts)


def _is_headed(lines: Sequence[str], width: int) -> bool:
    """Whether a block begins with a line like a heading, or a question, that ends before the text
    below it had to go on there."""
    if len(lines) < 2 or lines[1][0].isspace() or _marker(lines[1]) or _PAIR.match(lines[1]):
        return False
    first, word = lines[0].rstrip(), lines[1].split(maxsplit=1)[0]
    style = _heading_style(first.removesuffix("?") or first, is_last=False)
    return style not in ("", "caps") and _is_break_meant(first, word, width)


def _write_block(writer: _Writer, lines: list[str], above: int, *, is_last: bool) -> None:
    """`above` is how far the text before this block is indented."""
    if mark := _FENCE.match(lines[0]):
        writer.code(
            lines[1:-1] if _FENCE.match(lines[-1]) and len(lines) > 1 else lines[1:], mark[2]
        )
        return
    lines = _write_ruled_headings(writer, _without_leaders(lines))
    if not lines:
        return
    if rows := _table_rows(lines):
        writer.table(rows, has_header=len(lines) > 1 and bool(_TABLE_RULE.match(lines[1])))
    elif _is_code(lines, above):
        writer.code(lines)
    elif _marker(lines[0]):
        _write_list(writer, lines)
    elif len(lines) == 1 and (style := _heading_style(lines[0], is_last=is_last)):
        writer.heading(lines[0], style)
    elif len(lines) > 1 and _heads(lines) and (_marker(lines[1]) or not _is_term(lines)):
        writer.heading(lines[0], "caps")
        _write_block(writer, lines[1:], above, is_last=is_last)
    elif _is_term(lines):
        _write_term(writer, lines)
    elif (start := next((n for n, line in enumerate(lines) if _marker(line)), 0)) and all(
        _marker(line) or _indent(line) > _indent(lines[start]) for line in lines[start:]
    ):
        writer.paragraph(lines[:start])
        _write_list(writer, lines[start:])
    else:
        writer.paragraph(lines)


def _without_leaders(lines: list[str]) -> list[str]:
    """`without_leader` of each, where two or more and at least half are led so, one surely: prose
    has dots, too."""
    without = [without_leader(line) for line in lines]
    led = sum(line != before for line, before in zip(without, lines, strict=True))
    is_led = led >= max(2, len(lines) / 2) and any(map(_LEADERS.match, lines))
    return without if is_led else lines


def _is_numbered_heading(blocks: Sequence[Sequence[str]], place: int) -> bool:
    """Whether a block is a line such as `2. Plans` above a text: in a list one item follows the
    other, and what belongs to an item is indented like its words."""
    block, following = blocks[place], blocks[place + 1 : place + 2]
    if not (_is_numbered_line(block) and following) or _is_numbered_line(following[0]):
        return False
    if place and _is_numbered_line(blocks[place - 1]):
        return False
    return _text_indent(following[0]) == 0 or _looks_like_code(following[0])


def _is_numbered_line(block: Sequence[str]) -> bool:
    style = _heading_style(block[0], is_last=False) if len(block) == 1 else ""
    return style.startswith("number")


def _write_ruled_headings(writer: _Writer, lines: list[str]) -> list[str]:
    """Writes a heading that is under a rule, or between two; returns the lines after it."""
    if _RULE.match(lines[0]):
        if len(lines) > 2 and _RULE.match(lines[2]) and not _has_columns([lines[1], *lines[3:]]):
            writer.heading(lines[1], f"between {lines[0].strip()[0]}")
            return _write_ruled_headings(writer, lines[3:]) if lines[3:] else []
        return _write_ruled_headings(writer, lines[1:]) if lines[1:] else []
    is_ruled = len(lines) > 1 and _RULE.match(lines[1]) and " " not in lines[1].strip()
    if is_ruled and not _has_columns([lines[0], *lines[2:]]):
        writer.heading(lines[0], f"under {lines[1].strip()[0]}")
        return _write_ruled_headings(writer, lines[2:]) if lines[2:] else []
    return lines


def _has_columns(lines: Sequence[str]) -> bool:
    """Whether the first of these lines heads columns; in `NAME  --  what it is` are none."""
    head, *rows = lines
    return "|" in head or (_is_spaced(head) and any(map(_is_spaced, rows)))


def _is_spaced(line: str) -> bool:
    return bool(_GAP.search(_AROUND_DASH.sub(" - ", line.strip())))


def _heading_style(line: str, *, is_last: bool) -> str:
    """How a line of its own is a heading: "caps", "number", "plain", or "" for not at all."""
    text = line.strip()
    if _caps(text):
        return "caps"
    if is_last or _indent(line) or len(text) > 70 or text[-1] in ".,;:!?…":
        return ""
    if numbered := _NUMBERED.match(text):
        return f"number {numbered[1].count('.')}"
    is_plain = (
        text[0].isupper() and len(text.split()) <= 8 and not re.search(r"[:=|@{}/]|\s{2}", text)
    )
    return "plain" if is_plain else ""


def _caps(line: str) -> bool:
    """All letters are capitals, besides what stands in brackets."""
    text = re.sub(r"\([^)]*\)|\[[^\]]*\]", "", line).strip()
    letters = [letter for letter in text if letter.isalpha()]
    return len(letters) > 2 and text.isupper() and len(text) <= 80 and text[-1] not in ".,;!?"


def _heads(lines: Sequence[str]) -> bool:
    """Whether the first line is in capitals above a text, and not the first of several such lines:
    of a sentence, a notice, or a list."""
    if not _caps(lines[0]) or _has_value(lines[0]):
        return False
    return not lines[1].isupper() or _has_value(lines[1]) or bool(_marker(lines[1]))


def _has_value(line: str) -> bool:
    return bool(_PAIR.match(line)) and not line.endswith(":")


def _is_term(lines: Sequence[str]) -> bool:
    """A line with deeper lines under it, as in a glossary."""
    first, *rest = lines
    inner = [_indent(line) for line in rest]
    is_short = len(first.strip()) <= 80 and first.strip()[-1] not in ".,;"
    return bool(rest) and is_short and min(inner) >= _indent(first) + 2


def _write_term(writer: _Writer, lines: Sequence[str]) -> None:
    first, *rest = lines
    if first.rstrip().endswith(":") and _looks_like_code(rest):
        writer.paragraph([first])
        writer.code(rest)
    elif _marker(rest[0]):
        writer.paragraph([first])
        _write_list(writer, rest)
    else:
        writer.term(first, rest)


def _write_list(writer: _Writer, lines: Sequence[str]) -> None:
    items: list[tuple[int, list[str]]] = []
    for line in lines:
        if mark := _marker(line):
            text = line[mark.end() :]
            number = f"{mark[2]} " if mark.re is _NUMBER else ""
            items.append((_indent(line), [number + text]))
        else:
            items[-1][1].append(line)
    depths = sorted({indent for indent, _ in items})
    for indent, text_lines in items:
        writer.item(depths.index(indent) + 1, text_lines)


def _table_rows(lines: Sequence[str]) -> list[list[str]]:
    """The cells of lines drawn as a table, with pipes or with columns; [] when they are not."""
    drawn = [line for line in lines if not _TABLE_RULE.match(line)]
    if len(drawn) < 2:
        return []
    if all("|" in line.strip()[1:-1] for line in drawn):
        return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in drawn]
    if any(_marker(line) for line in drawn):
        return []
    aligned = [_ALIGNED.match(line) for line in drawn]
    if len({found and found.start(1) for found in aligned}) == 1 and aligned[0]:
        at = aligned[0].start(1)
        return [[line[:at].strip(), line[at + 1 :].strip()] for line in drawn]
    if len(lines) < 3 or not _GAP.search(drawn[0].strip()):
        return []
    starts = [match.end() for match in _GAP.finditer(drawn[0].rstrip()) if match.start()]
    for line in drawn[1:]:
        if not all(_is_column(line, start) for start in starts) or not _GAP.search(line.strip()):
            return []
    bounds = [0, *starts, None]
    return [[line[left:right].strip() for left, right in pairwise(bounds)] for line in drawn]


def _is_column(line: str, start: int) -> bool:
    return len(line) <= start or (line[start - 1] == " " and line[start - 2] == " ")


def _is_code(lines: Sequence[str], above: int) -> bool:
    if min(_indent(line) for line in lines) >= above + 4 and not _marker(lines[0]):
        return _looks_like_code(lines)
    if any(line.lstrip().startswith("$ ") for line in lines) or lines[0].strip() in ("{", "["):
        return _looks_like_code(lines)
    return _is_nested(lines)


def _is_nested(lines: Sequence[str]) -> bool:
    """Keys with deeper keys under them, as in YAML."""
    keys = [line for line in lines if re.match(r"\s*(?:- )?[\w.\"'-]+:(?:\s|$)", line)]
    opened = any(
        line.rstrip().endswith(":") and _indent(below) > _indent(line)
        for line, below in pairwise(lines)
        if line in keys and below in keys
    )
    return opened and len(keys) >= 0.7 * len(lines)


def _looks_like_code(lines: Sequence[str]) -> bool:
    prose = sum(
        len(_COMMON.findall(line)) > 1 or line.rstrip()[-1:] in (".", "!", "?") for line in lines
    )
    marked = sum(bool(_CODE.search(line)) for line in lines)
    starts_small = lines[0].strip()[:1].islower()
    return 2 * prose < len(lines) and (2 * marked >= len(lines) or starts_small)


def _marker(line: str) -> re.Match[str] | None:
    return _BULLET.match(line) or _NUMBER.match(line)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _text_indent(lines: Sequence[str]) -> int:
    """Where the text of a block begins: after the marker, for a list."""
    mark = _marker(lines[-1]) or _marker(lines[0])
    return mark.end() if mark else min(_indent(line) for line in lines)


def _joined(lines: Sequence[str], width: int) -> str:
    """The lines as one paragraph. A break stays where the next word would have had room."""
    parts = [escape(lines[0].strip())]
    for line, below in pairwise(lines):
        word = below.split(maxsplit=1)[0]
        is_meant = _is_break_meant(line, word, width)
        is_pair = _PAIR.match(line) and _PAIR.match(below)
        parts.append("<br>" if is_meant or is_pair else "\n")
        parts.append(escape(below.strip()))
    return "".join(parts)


def _is_break_meant(line: str, word: str, width: int) -> bool:
    """Whether the next line's first word would have had room."""
    return len(line) + 1 + len(word) + _SLACK <= width and not word[0].islower()
