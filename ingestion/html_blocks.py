"""Blocks of an HTML tree rewritten so that the partitioner keeps what they say: code with its
language, terms with their definitions, numbered items, and tables as rows."""

import re
from collections.abc import Mapping

from lxml import etree, html

from ingestion import tables
from ingestion.marks import BREAK
from ingestion.sections import says_much

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt",
    "footer", *HEADINGS, "header", "hr", "li", "ol", "p", "pre", "section", "table", "td", "th",
    "tr", "ul",
))  # fmt: skip
_LANGUAGE = re.compile(
    r"(?:^|\s)(?:language|lang|highlight-source|highlight|brush:)[-: ]?([\w+#.-]+)"
)
_ENTRIES = frozenset({"li", "dt", "dd", "td", "th", "blockquote"})
_LONGEST_LINE = 80
_LARGEST_NUMBER_OF_ITEM = 999
_NOT_LANGUAGES = frozenset({"default", "none", "text", "plaintext", "notranslate", "source", ""})


def replace_by_text(node: html.HtmlElement, text: str) -> None:
    node.tail = text + (node.tail or "")
    node.drop_tree()


def plain_code(block: html.HtmlElement) -> str:
    """Makes a `<pre>` hold only its text, and returns its language."""
    for line_break in list(block.iter("br")):
        replace_by_text(line_break, "\n")
    language = _language_of(block)
    text = block.text_content()
    for child in list(block):
        block.remove(child)
    # One line end at each side goes at parsing: these are given in exchange.
    block.text = "\n" + text.strip("\n") + "\n"
    if not text.strip():
        block.tag = "span"
    return language


def _language_of(block: html.HtmlElement) -> str:
    named = block.find(".//code")
    around = [*([named] if named is not None else []), block, *_nearest(block, 2)]
    for node in around:
        if data := node.get("data-lang") or node.get("data-language"):
            return str(data).lower()
        classes = node.get("class") or ""
        if found := _LANGUAGE.search(classes):
            return "" if found[1].lower() in _NOT_LANGUAGES else found[1].lower()
        if classes.startswith("code ") and "literal-block" in classes:  # docutils
            names = set(classes.split()) - {"code", "literal-block"} - _NOT_LANGUAGES
            return next(iter(names), "")
    return ""


def _nearest(node: html.HtmlElement, count: int) -> list[html.HtmlElement]:
    return [parent for parent, _ in zip(node.iterancestors(), range(count), strict=False)]


def name_sections(body: html.HtmlElement) -> None:
    """Makes headings, below all others, of the bold lines that stand above a text where there are
    several: some editors have no other ones."""
    lines = [line for line in map(_bold_line, list(body.iter("p"))) if line is not None]
    if len(lines) < 2:
        return
    for line in lines:
        paragraph, after = line.getparent(), line.tail or ""
        if len(paragraph) == 1 and not after.strip():
            paragraph.tag = "h6"
            continue
        heading = html.Element("h6")
        heading.text = _flat(line)
        paragraph.addprevious(heading)
        paragraph.remove(line)
        paragraph.text = after.lstrip(f"{BREAK} \n")


def _bold_line(paragraph: html.HtmlElement) -> html.HtmlElement | None:
    """The bold words that are all of a paragraph, or its first line above several sentences."""
    line = paragraph[0] if len(paragraph) else None
    if line is None or line.tag not in ("b", "strong") or (paragraph.text or "").strip():
        return None
    said, after = _flat(line), (line.tail or "").lstrip(" ")
    is_within = any(node.tag in _ENTRIES for node in paragraph.iterancestors())
    if is_within or not 2 < len(said) <= _LONGEST_LINE or said[-1] in ".,:;!":
        return None
    if len(paragraph) == 1 and not after.strip():
        return line if paragraph.getnext() is not None else None
    is_section = after.startswith((BREAK, "\n")) and says_much(_flat(paragraph)[len(said) :])
    return line if is_section else None


def plain_sentences(items: html.HtmlElement) -> None:
    """Makes paragraphs of an ordered list whose numbers are too large for one: `5471. It listens on
    the inner network too.` is a sentence that begins with a number."""
    own = items.findall("li")
    if not own or (_number_of(own[0]) or 0) <= _LARGEST_NUMBER_OF_ITEM:
        return
    for item in own:
        open_item(item)
    for item in own:
        item.tag = "p"
    items.drop_tag()


def join_definitions(terms: html.HtmlElement) -> None:
    """Makes each term and the first text of its definition one paragraph; one line, where the term
    ends with a colon, as in the fields of reStructuredText."""
    terms.tag = "div"
    for group in list(terms.iterchildren("div")):
        group.drop_tag()
    entry: html.HtmlElement | None = None
    defined = False
    for node in list(terms.iterchildren("dt", "dd")):
        if node.tag == "dt":
            text = _flat(node)
            if entry is not None and not defined:
                entry.text += f", {text}"
                node.drop_tree()
                continue
            node.tag, node.text, entry, defined = "p", text, node, False
            for child in list(node):
                node.remove(child)
        elif entry is not None:
            between = " " if entry.text.endswith(":") and not defined else BREAK
            entry.text += between + _take_first_text(node)
            defined = True


def _take_first_text(definition: html.HtmlElement) -> str:
    """Takes the leading inline text out of a definition; what is left stays as a block."""
    definition.tag = "div"
    if not any(node.tag in BLOCKS for node in definition.iterdescendants()):
        text = _flat(definition)
        definition.drop_tree()
        return text
    first = definition[0]
    if not (definition.text or "").strip() and first.tag == "p":
        text = _flat(first)
        first.drop_tree()
        return text
    parts = [definition.text or ""]
    definition.text = None
    while len(definition) and definition[0].tag not in BLOCKS:
        parts.append(definition[0].text_content() + (definition[0].tail or ""))
        definition.remove(definition[0])
    return " ".join("".join(parts).split())


def _flat(node: html.HtmlElement) -> str:
    return " ".join(node.text_content().split())


def open_item(item: html.HtmlElement) -> None:
    """Numbers an item of an ordered list, and makes its first paragraph the item's own text."""
    first = item[0] if len(item) else None
    if first is not None and _is_opening(item, first):
        if len(item) > 1 and item[1].tag not in BLOCKS:
            first.tail = BREAK + (first.tail or "")
        first.drop_tag()
    if (number := _number_of(item)) is not None:
        item.text = f"{number}. {(item.text or '').lstrip()}"


def _is_opening(item: html.HtmlElement, first: html.HtmlElement) -> bool:
    is_block = first.tag in ("p", "div") and not (item.text or "").strip()
    return is_block and not any(node.tag in BLOCKS for node in first.iterdescendants())


def _number_of(item: html.HtmlElement) -> int | None:
    parent = item.getparent()
    if parent is None or parent.tag != "ol":
        return None
    start = _whole(parent.get("start"), 1)
    return _whole(item.get("value"), start + len(list(item.itersiblings("li", preceding=True))))


def _whole(value: str | None, default: int) -> int:
    return int(value) if value and value.strip().isdecimal() else default


def tables_without_code(
    body: html.HtmlElement, languages: Mapping[html.HtmlElement, str]
) -> tuple[str, ...]:
    """Rewrites every table as one cell per row; returns the languages of the code left."""
    for table in reversed(list(body.iter("table"))):
        if _is_layout(table):
            _unwrap(table)
        else:
            _plain_table(table)
    return tuple(languages[block] for block in body.iter("pre"))


def _is_layout(table: html.HtmlElement) -> bool:
    if table.get("role") in ("presentation", "none") or table.find(".//table") is not None:
        return True
    cells = list(table.iter("td", "th"))
    return any(
        node.tag in HEADINGS or (node.tag == "pre" and "\n" in (node.text or "").strip())
        for cell in cells
        for node in cell.iterdescendants()
    )


def _unwrap(table: html.HtmlElement) -> None:
    for node in table.iter("table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"):
        node.tag = "div"


def _plain_table(table: html.HtmlElement) -> None:
    rows = tables.row_texts(tables.grid_of(table))
    caption = table.find("caption")
    plain = html.Element("div")
    if caption is not None and (text := _flat(caption)):
        etree.SubElement(plain, "p").text = text
    if rows:
        body = etree.SubElement(plain, "table")
        for row in rows:
            etree.SubElement(etree.SubElement(body, "tr"), "td").text = row
    plain.tail = table.tail
    table.getparent().replace(table, plain)
