"""reStructuredText to HTML, by docutils, with what Sphinx adds made readable.

Nothing is included from other files or fetched. Where docutils fails, the source stays.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from docutils import core, nodes
from docutils.writers.html5_polyglot import Writer

from ingestion.rst_readings import NAMED, DefaultLanguage, led, register

_SETTINGS = {
    "docinfo_xform": False,
    "doctitle_xform": False,
    "sectsubtitle_xform": False,
    "initial_header_level": 1,
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "embed_stylesheet": False,
    "stylesheet_path": "",
    "math_output": "LaTeX",
    "syntax_highlight": "none",
    "smart_quotes": False,
    "report_level": 3,  # errors stay in the tree: they hold the text that failed
    "halt_level": 5,
    "warning_stream": False,
    "_disable_config": True,
    "input_encoding": "unicode",
    "output_encoding": "unicode",
}
_RULE = re.compile(r"=+(?: +=+)+ *")


def to_html(text: str) -> str:
    register(text)
    tree = core.publish_doctree(text, settings_overrides=_SETTINGS)
    _keep_failed_text(tree)
    _name_code_languages(tree)
    _label_admonitions(tree)
    _drop_repeated_names(tree)
    _set_classifiers_off(tree)
    html = core.publish_from_doctree(tree, writer=Writer(), settings_overrides=_SETTINGS)
    return str(html)


def _keep_failed_text(tree: nodes.document) -> None:
    """Where docutils failed, the source stands instead of its message."""
    tree.transform_messages.clear()  # the writer would print them at the end
    tree.parse_messages.clear()
    for message in list(tree.findall(nodes.system_message)):
        failed = [block for block in message.children if isinstance(block, nodes.literal_block)]
        message.parent.replace(message, [_drawn_table(_plain(block)) or block for block in failed])
    for section in list(tree.findall(nodes.section)):
        if "system-messages" in section["classes"]:
            section.parent.remove(section)
    for problem in list(tree.findall(nodes.problematic)):
        source = _plain(problem)
        # A mark that opens nothing is all of the source, and is meant, as in `*.log`.
        plain = re.sub(r"^[`|*:]+|[`|*_]+$", "", source) or source
        problem.parent.replace(problem, nodes.Text(plain))


def _name_code_languages(tree: nodes.document) -> None:
    language = ""
    for node in list(tree.findall(nodes.Element)):
        if isinstance(node, DefaultLanguage):
            language = node["language"]
            node.parent.remove(node)
        elif isinstance(node, nodes.literal_block) and language and not node["classes"]:
            node["classes"] = ["code", language]


def _label_admonitions(tree: nodes.document) -> None:
    notes = [node for node in tree.findall(nodes.Element) if isinstance(node, nodes.Admonition)]
    for note in reversed(notes):
        body = list(note.children)
        label = note.tagname.capitalize()
        if body and isinstance(body[0], nodes.title):
            label = _plain(body.pop(0)).rstrip(":")
        note.parent.replace(note, led(label, body))


def _drop_repeated_names(tree: nodes.document) -> None:
    """Drops names (as of `.. setting:: x`) that the heading above or below them says too."""
    for named in list(tree.findall(nodes.paragraph)):
        if NAMED not in named["classes"]:
            continue
        text = _plain(named).casefold()
        if any(text in _plain(title).casefold() for title in _titles_around(named)):
            named.parent.remove(named)


def _set_classifiers_off(tree: nodes.document) -> None:
    for classifier in list(tree.findall(nodes.classifier)):
        classifier.insert(0, nodes.Text(" : "))


def _titles_around(node: nodes.Node) -> Iterator[nodes.Node]:
    following = node.next_node((nodes.title, nodes.term), siblings=True, ascend=True)
    if following is not None:
        yield following
    parent = node.parent
    while parent is not None:
        if isinstance(parent, nodes.section):
            yield parent[0]
            return
        parent = parent.parent


def _drawn_table(source: str) -> nodes.table | None:
    """A simple table with a cell too wide for its column, which docutils refuses; None for
    other sources."""
    lines = source.strip("\n").split("\n")
    if not _RULE.fullmatch(lines[0]) or not any(_RULE.fullmatch(line) for line in lines[2:3]):
        return None
    starts = [found.start() for found in re.finditer(r"=+", lines[0])]
    rows = [_cells(line, starts) for line in lines if line.strip() and not _RULE.fullmatch(line)]
    body = nodes.tbody("", *(nodes.row("", *(_entry(cell) for cell in row)) for row in rows[1:]))
    head = nodes.thead("", nodes.row("", *(_entry(cell) for cell in rows[0])))
    columns = [nodes.colspec(colwidth=1) for _ in starts]
    return nodes.table("", nodes.tgroup("", *columns, head, body, cols=len(starts)))


def _cells(line: str, starts: list[int]) -> list[str]:
    """The line cut at the columns, or at the next space where a cell reaches further."""
    cuts = [0]
    for start in starts[1:]:
        is_free = line[start - 1 : start] in ("", " ")
        space = line.find(" ", start)
        cuts.append(start if is_free or space < 0 else space)
    return [line[left:right].strip() for left, right in pairwise([*cuts, len(line)])]


def _entry(source: str) -> nodes.entry:
    text = re.sub(r":[\w:.+-]+:(?=`)|``?|\*\*", "", source)
    return nodes.entry("", nodes.paragraph(text, text))


def _plain(node: nodes.Node) -> str:
    return "".join(str(text) for text in node.findall(nodes.Text))
