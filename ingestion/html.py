"""HTML made ready for the partitioner: what it would lose or change is rewritten first.

unstructured reads the flow of blocks and inline text well. It drops forms, figures and details,
forgets the language of code and the spans of tables, splits paragraphs at pictures, strips what
looks like a bullet (`--force`), drops texts of one character, and folds white space that means
something. Each rewrite below mends one of these; `restored` undoes the marks afterwards.
"""

import re
from dataclasses import dataclass

from lxml import etree, html

from ingestion.decoding import normalised
from ingestion.errors import ParseError
from ingestion.html_blocks import (
    join_definitions,
    name_sections,
    open_item,
    plain_code,
    plain_sentences,
    replace_by_text,
    tables_without_code,
)
from ingestion.marks import BREAK, GUARD, SPACE

MAX_DEPTH = 200

REMOVED = (
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


@dataclass(frozen=True, slots=True)
class PreparedHtml:
    title: str
    """Of the `<title>`, perhaps empty."""
    markup: str
    languages: tuple[str, ...]
    """Of each code block, in order."""


def prepare(markup: str) -> PreparedHtml:
    """Raises ParseError `too-deep` and `too-large`."""
    root = _parsed(markup)
    if root is None or root.find("body") is None:
        return PreparedHtml("", "", ())
    _normalise_texts(root)
    title = " ".join((root.findtext("./head/title") or "").split())
    body = _main_part(root.find("body"))
    _remove_boilerplate(body)
    for node in body.iter(*_RENAMED):
        node.tag = _RENAMED[node.tag]
    for image in list(body.iter("img")):
        replace_by_text(image, f" {normalised(image.get('alt') or '')} ")
    languages = {block: plain_code(block) for block in list(body.iter("pre"))}
    _keep_white_space(body)
    name_sections(body)
    for items in list(body.iter("ol")):
        plain_sentences(items)
    for terms in reversed(list(body.iter("dl"))):
        join_definitions(terms)
    for item in list(body.iter("li")):
        open_item(item)
    kept = tables_without_code(body, languages)
    _guard_texts(body)
    return PreparedHtml(title, html.tostring(body, encoding="unicode"), kept)


def restored(text: str) -> str:
    """The text of an element with its kept white space, and without the marks."""
    text = text.replace(GUARD, "").replace(SPACE, " ")
    return re.sub(rf"\s*{BREAK}\s*", "\n", text).strip("\n ")


def restored_code(text: str) -> str:
    return text.replace(GUARD, "").replace(SPACE, " ").replace(BREAK, "\n")


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


def _normalise_texts(root: html.HtmlElement) -> None:
    """A reference such as `&#27;` brings in what decoding took out, and no tree can be given."""
    for node in root.iter():
        node.text = node.text and normalised(node.text)
        node.tail = node.tail and normalised(node.tail)


def _main_part(body: html.HtmlElement) -> html.HtmlElement:
    """The part marked as main, when there is one and it holds most of the text."""
    mains = body.xpath(".//main | .//*[@role='main']")
    if len(mains) == 1 and 2 * len(mains[0].text_content()) >= len(body.text_content()):
        mains[0].tail = None
        return mains[0]
    return body


def _remove_boilerplate(body: html.HtmlElement) -> None:
    for node in [*body.iter(*REMOVED), *body.xpath(_REMOVED_XPATH)]:
        if node is not body and node.getparent() is not None:
            node.drop_tree()
    for node in list(body.iter("header", "footer")):
        in_content = any(parent.tag in _CONTENT for parent in node.iterancestors())
        if not in_content and node.find(".//h1") is None:
            node.drop_tree()


def _keep_white_space(body: html.HtmlElement) -> None:
    """Line breaks, and runs of spaces in inline code, would be folded."""
    for line_break in list(body.iter("br")):
        replace_by_text(line_break, BREAK)
    for code in body.iter("code", "kbd", "samp", "tt"):
        for node in code.iter():
            node.text = _kept_spaces(node.text)
            if node is not code:
                node.tail = _kept_spaces(node.tail)


def _kept_spaces(text: str | None) -> str | None:
    return re.sub(" {2,}", lambda run: SPACE * len(run[0]), text) if text else text


def _guard_texts(body: html.HtmlElement) -> None:
    for node in body.iter():
        if node.tag != "pre":
            node.text = _guarded(node.text)
        node.tail = _guarded(node.tail)


def _guarded(text: str | None) -> str | None:
    start = (text or "").strip()[:2]
    return f"{GUARD}{text}" if start and (len(start) < 2 or not start[0].isalnum()) else text
