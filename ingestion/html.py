"""HTML made ready for the partitioner: what it would lose or change is rewritten first.

unstructured reads the flow of blocks and inline text well. It drops forms, figures and details,
forgets the language of code and the spans of tables, splits paragraphs at pictures, strips what
looks like a bullet (`--force`), drops texts of one character, and folds white space that means
something. Each rewrite below mends one of these; `restored` undoes the marks afterwards.
"""

import re
from dataclasses import dataclass

from lxml import etree, html

from ingestion import tables
from ingestion.errors import ParseError

MAX_DEPTH = 200

# Private-use characters that stand for white space to be kept, and for nothing at all.
_BREAK = "\ue0f0"
_SPACE = "\ue0f1"
_GUARD = "\ue0f2"

_REMOVED = (
    "script", "style", "noscript", "template", "nav", "svg", "button", "iframe", "object",
    "audio", "video", "canvas", "select", "input", "head", "dialog",
)  # fmt: skip
_REMOVED_XPATH = (
    "//*[@hidden] | //*[@role='navigation' or @role='search' or @role='contentinfo']"
    " | //*[@aria-label='breadcrumb' or @aria-label='Breadcrumb']"
    " | //*[contains(concat(' ', normalize-space(@class), ' '), ' headerlink ')]"
    " | //*[contains(concat(' ', normalize-space(@class), ' '), ' breadcrumb ')]"
    " | //*[contains(concat(' ', normalize-space(@class), ' '), ' breadcrumbs ')]"
    " | //*[contains(concat(' ', normalize-space(@class), ' '), ' skip-link ')]"
    " | //*[contains(concat(' ', normalize-space(@class), ' '), ' linenos ')]"
    " | //a[normalize-space(.)='¶' or normalize-space(.)='#']"
)
_RENAMED = {
    "form": "div", "fieldset": "div", "details": "div", "figure": "div", "legend": "p",
    "summary": "p", "figcaption": "p", "label": "span", "del": "s", "xmp": "pre",
    "listing": "pre", "main": "div", "hgroup": "div",
}  # fmt: skip
_CONTENT = ("article", "main", "section", "blockquote", "td")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "td",
        "th",
        "tr",
        "ul",
    ]
)
_LANGUAGE = re.compile(
    r"(?:^|\s)(?:language|lang|highlight-source|highlight|brush:)[-: ]?([\w+#.-]+)"
)
_NOT_LANGUAGES = frozenset({"default", "none", "text", "plaintext", "notranslate", "source", ""})


@dataclass(frozen=True, slots=True)
class PreparedHtml:
    title: str
    """Of the `<title>`, perhaps empty."""
    markup: str
    languages: tuple[str, ...]
    """Of each code block, in order."""


def prepare(markup: str) -> PreparedHtml:
    """Raises ParseError `too-deep`."""
    root = _parsed(markup)
    if root is None or root.find("body") is None:
        return PreparedHtml("", "", ())
    title = " ".join((root.findtext("./head/title") or "").split())
    body = _main_part(root.find("body"))
    _remove_boilerplate(body)
    for node in body.iter(*_RENAMED):
        node.tag = _RENAMED[node.tag]
    for image in list(body.iter("img")):
        _replace_by_text(image, f" {image.get('alt') or ''} ")
    languages = [_plain_code(block) for block in list(body.iter("pre"))]
    _keep_white_space(body)
    for terms in reversed(list(body.iter("dl"))):
        _join_definitions(terms)
    for item in list(body.iter("li")):
        _open_item(item)
    kept = _tables_without_code(body, languages)
    _guard_texts(body)
    return PreparedHtml(title, html.tostring(body, encoding="unicode"), kept)


def restored(text: str) -> str:
    """The text of an element with its kept white space, and without the marks."""
    text = text.replace(_GUARD, "").replace(_SPACE, " ")
    return re.sub(rf"\s*{_BREAK}\s*", "\n", text).strip("\n ")


def restored_code(text: str) -> str:
    return text.replace(_GUARD, "").replace(_SPACE, " ").replace(_BREAK, "\n")


def _parsed(markup: str) -> html.HtmlElement | None:
    parser = html.HTMLParser(
        huge_tree=True, remove_comments=True, remove_pis=True, encoding="utf-8"
    )
    try:
        root = html.document_fromstring(markup.encode("utf-8"), parser=parser)
    except etree.ParserError:  # nothing but white space and comments
        return None
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise ParseError(
                "too-deep",
                f"The page nests more than {MAX_DEPTH} elements in each other. Simplify it,"
                " or save it again from the program that made it.",
            )
    return root


def _main_part(body: html.HtmlElement) -> html.HtmlElement:
    """The part marked as main, when there is one and it holds most of the text."""
    mains = body.xpath(".//main | .//*[@role='main']")
    if len(mains) == 1 and 2 * len(mains[0].text_content()) >= len(body.text_content()):
        mains[0].tail = None
        return mains[0]
    return body


def _remove_boilerplate(body: html.HtmlElement) -> None:
    for node in [*body.iter(*_REMOVED), *body.xpath(_REMOVED_XPATH)]:
        if node is not body and node.getparent() is not None:
            node.drop_tree()
    for node in list(body.iter("header", "footer")):
        in_content = any(parent.tag in _CONTENT for parent in node.iterancestors())
        if not in_content and node.find(".//h1") is None:
            node.drop_tree()


def _replace_by_text(node: html.HtmlElement, text: str) -> None:
    node.tail = text + (node.tail or "")
    node.drop_tree()


def _plain_code(block: html.HtmlElement) -> str:
    """Makes a `<pre>` hold only its text, and returns its language."""
    for line_break in list(block.iter("br")):
        _replace_by_text(line_break, "\n")
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


def _keep_white_space(body: html.HtmlElement) -> None:
    """Line breaks, and runs of spaces in inline code, would be folded."""
    for line_break in list(body.iter("br")):
        _replace_by_text(line_break, _BREAK)
    for code in body.iter("code", "kbd", "samp", "tt"):
        for node in code.iter():
            node.text = _kept_spaces(node.text)
            if node is not code:
                node.tail = _kept_spaces(node.tail)


def _kept_spaces(text: str | None) -> str | None:
    return re.sub(" {2,}", lambda run: _SPACE * len(run[0]), text) if text else text


def _join_definitions(terms: html.HtmlElement) -> None:
    """Makes each term and the first text of its definition one paragraph."""
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
            entry.text += _BREAK + _take_first_text(node)
            defined = True


def _take_first_text(definition: html.HtmlElement) -> str:
    """Takes the leading inline text out of a definition; what is left stays as a block."""
    definition.tag = "div"
    if not any(node.tag in _BLOCKS for node in definition.iterdescendants()):
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
    while len(definition) and definition[0].tag not in _BLOCKS:
        parts.append(definition[0].text_content() + (definition[0].tail or ""))
        definition.remove(definition[0])
    return " ".join("".join(parts).split())


def _flat(node: html.HtmlElement) -> str:
    return " ".join(node.text_content().split())


def _open_item(item: html.HtmlElement) -> None:
    """Numbers an item of an ordered list, and makes its first paragraph the item's own text."""
    first = item[0] if len(item) else None
    if first is not None and _is_opening(item, first):
        if len(item) > 1 and item[1].tag not in _BLOCKS:
            first.tail = _BREAK + (first.tail or "")
        first.drop_tag()
    if (number := _number_of(item)) is not None:
        item.text = f"{number}. {(item.text or '').lstrip()}"


def _is_opening(item: html.HtmlElement, first: html.HtmlElement) -> bool:
    is_block = first.tag in ("p", "div") and not (item.text or "").strip()
    return is_block and not any(node.tag in _BLOCKS for node in first.iterdescendants())


def _number_of(item: html.HtmlElement) -> int | None:
    parent = item.getparent()
    if parent is None or parent.tag != "ol":
        return None
    start = _whole(parent.get("start"), 1)
    return _whole(item.get("value"), start + len(list(item.itersiblings("li", preceding=True))))


def _whole(value: str | None, default: int) -> int:
    return int(value) if value and value.strip().isdecimal() else default


def _tables_without_code(body: html.HtmlElement, languages: list[str]) -> tuple[str, ...]:
    """Rewrites every table as one cell per row; returns the languages of the code left."""
    named = dict(zip(body.iter("pre"), (name for name in languages), strict=False))
    for table in reversed(list(body.iter("table"))):
        if _is_layout(table):
            _unwrap(table)
        else:
            _plain_table(table)
    return tuple(named[block] for block in body.iter("pre"))


def _is_layout(table: html.HtmlElement) -> bool:
    if table.get("role") in ("presentation", "none") or table.find(".//table") is not None:
        return True
    cells = list(table.iter("td", "th"))
    return any(
        node.tag in _HEADINGS or (node.tag == "pre" and "\n" in (node.text or "").strip())
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


def _guard_texts(body: html.HtmlElement) -> None:
    for node in body.iter():
        if node.tag != "pre":
            node.text = _guarded(node.text)
        node.tail = _guarded(node.tail)


def _guarded(text: str | None) -> str | None:
    start = (text or "").strip()[:2]
    return f"{_GUARD}{text}" if start and (len(start) < 2 or not start[0].isalnum()) else text
