"""Makes the demo's PDF and Word documents from the Markdown beside this script.

    python demo/sources/build.py [--chromium /usr/bin/chromium]

The results are kept in the repository, so this is run only after a source has changed. A source
becomes a Word document if its path is listed in WORD, otherwise a PDF printed by Chromium.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

from docx import Document
from docx.document import Document as WordDocument
from docx.shared import Pt
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

SOURCES = Path(__file__).resolve().parent
DOCUMENTS = SOURCES.parent / "documents"
WORD = {"v1/handbook/policies/refunds-and-rebooking.md"}
MARKDOWN = MarkdownIt("commonmark").enable("table")
PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
@page {{ size: A4; margin: 22mm 20mm }}
body {{ font: 11pt/1.45 "DejaVu Sans", sans-serif }}
table {{ border-collapse: collapse; font-size: 10pt }}
th, td {{ border: 1px solid #999; padding: 4px 16px 4px 8px; text-align: left }}
code {{ font-family: "DejaVu Sans Mono", monospace; font-size: 90% }}
</style></head><body>{body}</body></html>"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--chromium", default="/usr/bin/chromium")
    chromium = arguments.parse_args().chromium
    for source in sorted(SOURCES.rglob("*.md")):
        name = source.relative_to(SOURCES)
        target = DOCUMENTS / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.as_posix() in WORD:
            write_word(source, target.with_suffix(".docx"))
        else:
            print_pdf(source, target.with_suffix(".pdf"), chromium)


def print_pdf(source: Path, target: Path, chromium: str) -> None:
    text = source.read_text(encoding="utf-8")
    title = text.partition("\n")[0].removeprefix("# ")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(PAGE.format(title=title, body=MARKDOWN.render(text)), encoding="utf-8")
        subprocess.run(
            [
                chromium,
                "--headless",
                "--no-sandbox",
                "--no-pdf-header-footer",
                f"--user-data-dir={folder}/profile",
                f"--print-to-pdf={target}",
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
        )


def write_word(source: Path, target: Path) -> None:
    word = Document()
    word.styles["Normal"].font.size = Pt(11)
    root = SyntaxTreeNode(MARKDOWN.parse(source.read_text(encoding="utf-8")))
    for block in root.children:
        match block.type:
            case "heading":
                word.add_heading(plain(block), level=int(block.tag[1]))
            case "paragraph":
                word.add_paragraph(plain(block))
            case "ordered_list" | "bullet_list":
                style = "List Number" if block.type == "ordered_list" else "List Bullet"
                for item in block.children:
                    word.add_paragraph(plain(item), style=style)
            case "table":
                add_table(word, block)
            case other:
                raise ValueError(f"{source}: no Word form is written for {other}.")
    word.core_properties.title = plain(root.children[0])
    word.core_properties.author = "Skarvik Ferries"
    word.save(str(target))


def add_table(word: WordDocument, table: SyntaxTreeNode) -> None:
    rows = [row for part in table.children for row in part.children]
    grid = word.add_table(rows=len(rows), cols=len(rows[0].children), style="Table Grid")
    for row, cells in zip(rows, grid.rows, strict=True):
        for cell, target in zip(row.children, cells.cells, strict=True):
            target.text = plain(cell)


def plain(node: SyntaxTreeNode) -> str:
    """The words of a node, without marks; a line break of the source is a space."""
    if node.type == "inline":
        return "".join(plain(child) for child in node.children)
    if node.type in {"softbreak", "hardbreak"}:
        return " "
    return node.content or "".join(plain(child) for child in node.children)


if __name__ == "__main__":
    main()
