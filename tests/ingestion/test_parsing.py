"""What becomes of real markup of each format."""

import io
from pathlib import Path

import pytest
from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.shared import Pt

from ingestion.elements import Element, ElementKind, ParsedDocument
from tests.ingestion.files import only, outline, parsed, texts

HEADING, PROSE, ITEM, ROW, CODE = ElementKind


def everything(document: ParsedDocument) -> str:
    return "\n".join([document.title, *(element.text for element in document.elements)])


# --- Markdown -----------------------------------------------------------------------------------


def test_markdown_blocks_keep_kind_order_and_level(tmp_path: Path) -> None:
    text = "# Top\n\nIntro *here*.\n\n## Part\n\n- one\n  - inner\n- two\n\n### Deep\n\nEnd.\n"
    document = parsed(tmp_path, "a.md", text)
    assert document.elements == (
        Element(HEADING, "Top", level=1),
        Element(PROSE, "Intro here."),
        Element(HEADING, "Part", level=2),
        Element(ITEM, "one", level=1),
        Element(ITEM, "inner", level=2),
        Element(ITEM, "two", level=1),
        Element(HEADING, "Deep", level=3),
        Element(PROSE, "End."),
    )


def test_front_matter_gives_the_title_and_no_text(tmp_path: Path) -> None:
    text = '---\ntitle: "Paging rules"\ntags: [a, b]\n---\n\n# Rules\n\nText.\n'
    document = parsed(tmp_path, "a.md", text)
    assert document.title == "Paging rules"
    assert "tags" not in everything(document)


def test_a_rule_at_the_start_is_not_front_matter(tmp_path: Path) -> None:
    document = parsed(tmp_path, "a.md", "---\n\nA sentence that counts.\n\n---\n\nAnother.\n")
    assert texts(document, PROSE) == ["A sentence that counts.", "Another."]


@pytest.mark.parametrize(
    ("section", "written"),
    [
        ("\n# Night duty\n\n- First: Mo, 555-0142\n- Then: Ida\n\n", [
            "Night duty", "First: Mo, 555-0142", "Then: Ida",
        ]),
        ("\n# Night duty\n\nFirst: Mo, 555-0142\n\n", ["Night duty", "First: Mo, 555-0142"]),
        ("# Night duty\n", ["Night duty"]),
        ("- pump: north\n- seal: upper\n", ["pump: north", "seal: upper"]),
        ("\n    pump --stop\n\n", ["pump --stop"]),
    ],
    ids=["heading and list", "heading and settings", "heading", "list", "code"],
)  # fmt: skip
def test_a_section_between_two_rules_is_text(
    tmp_path: Path, section: str, written: list[str]
) -> None:
    document = parsed(tmp_path, "a.md", f"---\n{section}---\n\nThe day begins at six.\n")
    assert [e.text for e in document.elements] == [*written, "The day begins at six."]


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "\n",
        "title: Duty\n# who is called\ncalled:\n  - Mo\n- Ida\n",
        "# Made by a program.\n\n# Do not edit.\ntitle: Duty\n",
        "\n\ntitle : Duty\n",
        "nav.order: 3\n\ntitle: Duty\n",
    ],
)
def test_front_matter_may_be_empty_and_have_comments_and_empty_lines(
    tmp_path: Path, inside: str
) -> None:
    for rule in ("---", "+++"):
        source = f"{rule}\n{inside}{rule}\n\nThe day begins at six.\n"
        document = parsed(tmp_path, "a.md", source)
        assert document.title == ("Duty" if inside.strip() else "")
        assert [e.text for e in document.elements] == ["The day begins at six."]


@pytest.mark.parametrize(
    ("source", "language", "code"),
    [
        (
            "```python\ndef f():\n    return 1\n\n\nf()\n```",
            "python",
            "def f():\n    return 1\n\n\nf()",
        ),
        ("~~~\na  b\n~~~", "", "a  b"),
        ("    indented\n      more\n", "", "indented\n  more"),
        ('<pre><code class="language-yaml">a:\n  b: 1\n</code></pre>', "yaml", "a:\n  b: 1"),
    ],
)
def test_code_stays_whole_with_its_language(
    tmp_path: Path, source: str, language: str, code: str
) -> None:
    document = parsed(tmp_path, "a.md", f"# T\n\n{source}\n\nAfter.\n")
    assert only(document, CODE) == Element(CODE, code, language=language)


def test_inline_code_keeps_its_characters(tmp_path: Path) -> None:
    text = (
        "Run `--dry-run  -x <file> && a|b` and `*`.\n\n`--force` skips it.\n\n--resume goes on.\n"
    )
    document = parsed(tmp_path, "a.md", text)
    assert texts(document, PROSE) == [
        "Run --dry-run  -x <file> && a|b and *.",
        "--force skips it.",
        "--resume goes on.",
    ]


def test_table_rows_carry_their_headers(tmp_path: Path) -> None:
    text = "| Queue | Limit |\n|---|---|\n| `mail` | 40 (soft) |\n| push | |\n"
    document = parsed(tmp_path, "a.md", text)
    assert texts(document, ROW) == ["Queue: mail; Limit: 40 (soft)", "Queue: push"]


def test_ordered_items_keep_their_numbers_and_their_code(tmp_path: Path) -> None:
    text = "3. Stop it:\n\n   ```sh\n   halt\n   ```\n\n4. Start it.\n"
    document = parsed(tmp_path, "a.md", text)
    assert [e.text for e in document.elements] == ["3. Stop it:", "halt", "4. Start it."]


def test_notes_of_several_dialects_keep_label_and_text(tmp_path: Path) -> None:
    text = (
        '!!! warning "Careful"\n    Hot surface.\n\n> [!TIP]\n> Use gloves.\n\n'
        "```{note}\nMind the *gap*.\n```\n\n:::danger\nNo way back.\n:::\n"
    )
    written = everything(parsed(tmp_path, "a.md", text))
    for part in (
        "Careful",
        "Hot surface.",
        "Tip:",
        "Use gloves.",
        "Note:",
        "Mind the gap.",
        "No way",
    ):
        assert part in written


def test_scripts_comments_and_event_handlers_leave_no_text(tmp_path: Path) -> None:
    text = "# A\n\n<script>alert(1)</script><!-- hidden --><b onclick='x()'>kept</b>\n"
    assert everything(parsed(tmp_path, "a.md", text)) == "A\nA\nkept"


@pytest.mark.parametrize(
    "tag",
    [
        "<title>", "<TITLE>", "<style>", "<script>", "<textarea>", "<iframe width=3>", "<xmp>",
        "<template>", "<object>", "<select>", "<button>", "<nav>", "<dialog>", "<video>",
        "<header>", "<table>",
        "<name>", "<your name>", "<SERVICE>", "<pump-id>", "<address>", "<option>",
    ],
)  # fmt: skip
def test_a_tag_that_nothing_closes_is_a_word_of_its_sentence(tmp_path: Path, tag: str) -> None:
    text = f"The sheet has {tag} *on top*.\n\n- {tag} is read.\n- All is.\n\nThe clerk waits.\n"
    document = parsed(tmp_path, "a.md", text)
    assert [e.text for e in document.elements] == [
        f"The sheet has {tag} on top.", f"{tag} is read.", "All is.", "The clerk waits.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("Press <button>Go <b>on</b></button> twice.", ["Press twice."]),
        ("Keep <object><object>this</object></object> out.", ["Keep out."]),
        ("<nav>\n\n- [Home](/)\n\n</nav>", []),
        ("<header>\n\nSite *name*\n\n</header>", []),
        ("<table>\n<tr><td>\n\nOne *pump* </td></tr></table>", ["One pump"]),
        ("<input type=checkbox> Oil the <svg/>seal.", ["Oil the seal."]),
        ("Oil </title> the </nav> seal.", ["Oil the seal."]),
        ("<tip-box>\n\nOil <p-tag>the</p-tag> seal.\n\n</tip-box>", ["Oil the seal."]),
        ("Oil <span>the <i>seal <icon name='oil'> <icon/>.", ["Oil the seal ."]),
    ],
)
def test_a_tag_that_is_closed_stays_a_tag(tmp_path: Path, source: str, written: list[str]) -> None:
    document = parsed(tmp_path, "a.md", f"{source}\n\nThe clerk waits.\n")
    assert [" ".join(e.text.split()) for e in document.elements] == [*written, "The clerk waits."]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.txt", "Desk\n\nTeam     : Weir\nPort     : 8120\nMap cell : 20 m\n\nIt waits.\n"),
        ("a.txt", "Desk\n\nTeam      = Weir\nPort      = 8120\nMap cell  = 20 m\n\nIt waits.\n"),
        (
            "a.html",
            "<table><tr><td>Team</td><td>: Weir</td></tr><tr><td>Port</td><td>: 8120</td></tr>"
            "<tr><td>Map cell</td><td>: 20 m</td></tr></table>",
        ),
        (
            "a.html",
            "<table><tr><td>Team</td><td>:</td><td>Weir</td></tr><tr><td>Port</td><td>:</td>"
            "<td>8120</td></tr><tr><td>Map cell</td><td>:</td><td>20 m</td></tr></table>",
        ),
    ],
)
def test_signs_in_a_column_of_their_own_part_keys_from_values(
    tmp_path: Path, name: str, source: str
) -> None:
    document = parsed(tmp_path, name, source)
    assert texts(document, ROW) == ["Team: Weir", "Port: 8120", "Map cell: 20 m"]


def test_signs_in_some_cells_of_a_column_stay(tmp_path: Path) -> None:
    text = "| Key | Value | Note |\n|---|---|---|\n| a | : x | : |\n| b | y | : |\n"
    assert texts(parsed(tmp_path, "a.md", text), ROW) == [
        "Key: a; Value: : x; Note: :", "Key: b; Value: y; Note: :",
    ]  # fmt: skip


def test_column_that_nobody_filled_in_is_left_out(tmp_path: Path) -> None:
    text = "| Key | | Value |\n|---|---|---|\n| a | | x |\n| b | | y |\n"
    assert texts(parsed(tmp_path, "a.md", text), ROW) == ["Key: a; Value: x", "Key: b; Value: y"]


# --- HTML ---------------------------------------------------------------------------------------


def test_boilerplate_is_left_out(tmp_path: Path) -> None:
    page = (
        "<html><head><title>Page title</title><style>p{}</style></head><body>"
        "<header>Site name</header><nav>Home / Docs</nav><h1>Limits</h1><p>Text.</p>"
        "<div role=navigation>Next</div><script>var x = 1</script><footer>Imprint</footer></body>"
    )
    document = parsed(tmp_path, "a.html", page)
    assert document == ParsedDocument(
        "Limits", (Element(HEADING, "Limits", level=1), Element(PROSE, "Text."))
    )


def test_text_that_partitioners_drop_is_kept(tmp_path: Path) -> None:
    page = (
        "<form><label>Label</label><p>In a form.</p></form><details><summary>More</summary>"
        "<p>Folded.</p></details><figure><figcaption>Caption</figcaption></figure><p>7</p>"
        "<p>Split <img src=x.png alt='by a picture'> here.</p>loose text<header><h1>T</h1></header>"
    )
    written = everything(parsed(tmp_path, "a.html", page)).split("\n")
    for part in ("Label", "In a form.", "More", "Folded.", "Caption", "7", "loose text", "T"):
        assert part in written
    assert "Split by a picture here." in written


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "**Who may borrow**\nAll. Schools have their own.\n\n**Costs**\n\n- 35 pounds\n"),
        (
            "a.html",
            "<p><b>Who may borrow</b><br>All. Schools have their own.</p>"
            "<p><strong>Costs</strong></p><ul><li>35 pounds</li></ul>",
        ),
    ],
)
def test_bold_lines_above_a_text_head_it(tmp_path: Path, name: str, text: str) -> None:
    assert parsed(tmp_path, name, text).elements == (
        Element(HEADING, "Who may borrow", level=6),
        Element(PROSE, "All. Schools have their own."),
        Element(HEADING, "Costs", level=6),
        Element(ITEM, "35 pounds", level=1),
    )


@pytest.mark.parametrize(
    "text",
    [
        "**Only one**\nIt is not. There are more.\n\nText.\n",
        "**Port**\n80\n\n**Team**\nField\n",
        "**Stop here.**\n\nOne.\n\n**Do not go on!**\n\nTwo.\n",
        "- **Port**\n  80. It is open.\n- **Team**\n  Field. It is away.\n",
    ],
    ids=["one", "settings", "sentences", "entries of a list"],
)
def test_other_bold_lines_head_nothing(tmp_path: Path, text: str) -> None:
    assert not outline(parsed(tmp_path, "a.md", text))


def test_a_term_stays_with_its_definition(tmp_path: Path) -> None:
    page = (
        "<dl><dt>TTL</dt><dd>Time to live.</dd>"
        "<dt>A</dt><dt>B</dt><dd><p>Both.</p><p>More.</p></dd></dl>"
    )
    document = parsed(tmp_path, "a.html", page)
    assert texts(document, PROSE) == ["TTL\nTime to live.", "A, B\nBoth.", "More."]


@pytest.mark.parametrize("name", ["a.rst", "a.md"])
def test_sentence_that_begins_with_a_number_is_no_item(tmp_path: Path, name: str) -> None:
    text = "1994. That is when it began.\n\nLater:\n\n31. The last but one.\n"
    assert parsed(tmp_path, name, text).elements == (
        Element(PROSE, "1994. That is when it began."),
        Element(PROSE, "Later:"),
        Element(ITEM, "31. The last but one.", level=1),
    )


def test_definition_that_begins_with_a_number_stays_with_its_term(tmp_path: Path) -> None:
    text = "Port\n    5471. It is free.\n\nTeam\n    Field.\n"
    assert texts(parsed(tmp_path, "a.rst", text), PROSE) == [
        "Port\n5471. It is free.",
        "Team\nField.",
    ]


def test_a_field_is_one_line(tmp_path: Path) -> None:
    fields = "Relay\n=====\n\n:Team: Workshop Systems\n:Web port: 7541\n"
    document = parsed(tmp_path, "a.rst", fields)
    assert texts(document, PROSE) == ["Team: Workshop Systems", "Web port: 7541"]
    assert texts(parsed(tmp_path, "a.html", "<dl><dt>Port:</dt><dd>80</dd></dl>"), PROSE) == [
        "Port: 80"
    ]


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (
            "<tr><th rowspan=2>Site<th colspan=2>Latency<tr><th>p50<th>p95"
            "<tr><td>North<td>3<td>9",
            ["Site: North; Latency p50: 3; Latency p95: 9"],
        ),
        (
            "<tr><th>Team<th>Day<tr><td rowspan=2>Core<td>Mon<tr><td>Tue",
            ["Team: Core; Day: Mon", "Team: Core; Day: Tue"],
        ),
        ("<tr><th>Owner<td>Core<tr><th>Port<td>80", ["Owner: Core", "Port: 80"]),
        ("<tr><td>Owner<td>Core<tr><td>Region<td>North<tr><td>Tier<td>Two", [
            "Owner: Core", "Region: North", "Tier: Two",
        ]),
        (
            "<caption>All</caption><thead><tr><td>Name<td>Age<tbody><tr><td>Ann<td>7",
            ["Name: Ann; Age: 7"],
        ),
        (
            "<tr><th>Pump</th><th>Seal</th></tr><tbody><tr><td>One</td><td>A</td></tr></tbody>"
            "<tbody><tr><td>Two</td><td>B</td></tr></tbody>",
            ["Pump: One; Seal: A", "Pump: Two; Seal: B"],
        ),
        (
            "<thead><tr><td>Pump</td><td>Seal</td></tr></thead><tr><td>One</td><td>A</td></tr>",
            ["Pump: One; Seal: A"],
        ),
        (
            "<tfoot><tr><td>Both</td><td>C</td></tr></tfoot><tbody><tr><td>One</td><td>A</td></tr>"
            "</tbody><tr><td>Two</td><td>B</td></tr><thead><tr><td>Pump</td><td>Seal</td></tr>"
            "</thead>",
            ["Pump: One; Seal: A", "Pump: Two; Seal: B", "Pump: Both; Seal: C"],
        ),
        (
            "<tfoot><tr><td>Both</td><td>C</td></tr></tfoot><tbody><tr><td>One</td><td>A</td></tr>"
            "</tbody><thead><tr><td>Pump</td><td>Seal</td></tr></thead>",
            ["Pump: One; Seal: A", "Pump: Both; Seal: C"],
        ),
        ("<tr><th>K<th>V<tr><td>a(<b>b</b>)<td>x<br>y<ul><li>1</ul>", ["K: a(b); V: x y; 1"]),
        ("<tr><th>Pump<th><th>Seal<tr><td>One<td><td>A", ["Pump: One; Seal: A"]),
        ("<tr><td><td><td>One<td>A<tr><td>7<td><td>Two<td>B", ["One; A", "7: Two; B"]),
    ],
)  # fmt: skip
def test_tables_of_every_shape_become_rows(tmp_path: Path, table: str, rows: list[str]) -> None:
    document = parsed(tmp_path, "a.html", f"<h1>T</h1><table>{table}</table><p>After.</p>")
    assert texts(document, ROW) == rows
    assert {e.table for e in document.elements if e.kind is ROW} == {1}


def test_line_breaks_stay_and_two_part_paragraphs(tmp_path: Path) -> None:
    document = parsed(tmp_path, "a.html", "<div>Street 1<br>Town<br><br>Another one.</div>")
    assert texts(document, PROSE) == ["Street 1\nTown", "Another one."]


def test_a_layout_table_is_not_a_table(tmp_path: Path) -> None:
    page = "<table><tr><td><h2>Left</h2><p>Text.</p></td><td><pre>a\n b</pre></td></tr></table>"
    document = parsed(tmp_path, "a.html", page)
    assert [e.kind for e in document.elements] == [HEADING, PROSE, CODE]


def test_line_numbers_of_highlighted_code_are_left_out(tmp_path: Path) -> None:
    page = (
        '<div class="highlight-python notranslate"><pre><span class="linenos">1</span>'
        "<span>if</span> x:\n<span class=linenos>2</span>    go()\n</pre></div>"
    )
    assert only(parsed(tmp_path, "a.html", page), CODE) == Element(
        CODE, "if x:\n    go()", language="python"
    )


@pytest.mark.parametrize(
    "reference", ["&#27;", "&#12;", "&#8", "&#xFFFE;", "&#x7f;", "&#xe0f3;", "&#XE0F0;"]
)
def test_what_references_say_of_control_characters_and_marks_is_left_out(
    tmp_path: Path, reference: str
) -> None:
    page = (
        f"<h1>{reference}Stop</h1><p title='{reference}'>Turn{reference} <code>{reference}off  it"
        f"</code> and <img alt='look {reference}twice'>.</p><pre>halt{reference}</pre><table><tr>"
        f"<th>Pump<th>Seal<tr><td>One{reference}<td>A</table>"
    )
    written = ["Stop", "Turn off  it and look twice .", "halt", "Pump: One; Seal: A"]
    for name in ("a.html", "a.md"):
        assert [e.text for e in parsed(tmp_path, name, page).elements] == written


def test_code_keeps_its_language_behind_blocks_without_any(tmp_path: Path) -> None:
    page = (
        '<pre class="language-bash"></pre><pre><code class="language-python">one = 1</code></pre>'
        "<table><tr><td><pre>in a cell</pre></td><td>b</td></tr></table>"
        '<pre class="language-sql">SELECT 1</pre>'
    )
    code = [e for e in parsed(tmp_path, "a.html", page).elements if e.kind is CODE]
    assert [(e.language, e.text) for e in code] == [("python", "one = 1"), ("sql", "SELECT 1")]


def test_references_of_ordinary_characters_are_read(tmp_path: Path) -> None:
    page = "<p>It&#146;s &#60;hot&#62;&#160;&#8211; caf&#233; &#x1F600;</p>"
    assert texts(parsed(tmp_path, "a.html", page), PROSE) == ["It’s <hot> – café 😀"]


# --- reStructuredText ---------------------------------------------------------------------------


def test_sphinx_directives_and_roles_are_readable(tmp_path: Path) -> None:
    text = """
=====
Guide
=====

.. toctree::
   other

.. setting:: retry_limit

``retry_limit``
---------------

.. versionadded:: 4.2
   With a :ref:`reason <why>`.

See :setting:`retry_limit`, :class:`~pkg.mod.Klass` and :unknown:`thing`.

.. code-block:: python
   :linenos:
   :unheard-of: yes

   def f():
       pass

.. strange:: An argument
   :type: bool

   Its *content*.

.. note:: Mind this.

Shell::

   $ run --now
"""
    document = parsed(tmp_path, "a.rst", text)
    assert document.title == "Guide"
    assert outline(document) == [(1, "Guide"), (2, "retry_limit")]
    assert texts(document, PROSE) == [
        "New in version 4.2: With a reason.",
        "See retry_limit, Klass and thing.",
        "An argument\nType: bool",
        "Its content.",
        "Note: Mind this.",
        "Shell:",
    ]
    assert [(e.text, e.language) for e in document.elements if e.kind is CODE] == [
        ("def f():\n    pass", "python"),
        ("$ run --now", ""),
    ]


@pytest.mark.parametrize(
    "table",
    [
        "====  =====\nName  Limit\n====  =====\nmail  40\npush  7\n====  =====\n",
        "====  =====\nName  Limit\n====  =====\nmail  40\n``push`` 7\n====  =====\n",
        ".. list-table::\n   :header-rows: 1\n\n   * - Name\n     - Limit\n   * - mail\n     - 40\n"
        "   * - push\n     - 7\n",
        '.. csv-table::\n   :header: "Name", "Limit"\n\n   mail, 40\n   push, 7\n',
        "+------+-------+\n| Name | Limit |\n+======+=======+\n| mail | 40    |\n+------+-------+\n"
        "| push | 7     |\n+------+-------+\n",
    ],
    ids=["simple", "refused by docutils", "list", "csv", "grid"],
)
def test_rst_tables_become_rows(tmp_path: Path, table: str) -> None:
    document = parsed(tmp_path, "a.rst", f"Title\n=====\n\n{table}\n")
    assert texts(document, ROW) == ["Name: mail; Limit: 40", "Name: push; Limit: 7"]


def test_broken_rst_loses_no_text_and_prints_no_message(tmp_path: Path) -> None:
    text = (
        "Title\n=====\n\nAn |undefined| thing, a `missing`_ link and an *open star.\n\n"
        ".. list-table::\n\n   * - one\n   * - two\n     - three\n\nLast.\n"
    )
    written = everything(parsed(tmp_path, "a.rst", text))
    for word in ("undefined", "missing", "open star", "one", "two", "three", "Last."):
        assert word in written
    assert "ERROR" not in written
    assert "Unknown" not in written


def test_marks_that_open_nothing_stay_where_they_are_written(tmp_path: Path) -> None:
    text = (
        "Pumps\n=====\n\nSweep up *.dust each night, and hand **tools on to |all.\n\n"
        "No `seal`_ is left, but 3 * 4 bolts are *at hand*.\n"
    )
    assert texts(parsed(tmp_path, "a.rst", text), PROSE) == [
        "Sweep up *.dust each night, and hand **tools on to |all.",
        "No seal is left, but 3 * 4 bolts are at hand.",
    ]


def test_what_a_term_is_stands_apart_from_it(tmp_path: Path) -> None:
    text = (
        "Pump\n====\n\nspeed : float : *turns*\n    How fast it runs.\n\n``seal`` : ``Seal``\n"
        "    The upper one.\n\nowner\n    Who oils it.\n"
    )
    assert texts(parsed(tmp_path, "a.rst", text), PROSE) == [
        "speed : float : turns\nHow fast it runs.",
        "seal : Seal\nThe upper one.",
        "owner\nWho oils it.",
    ]


def test_other_files_are_not_included(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("the secret")
    text = "Title\n=====\n\n.. include:: secret.txt\n\n.. literalinclude:: secret.txt\n\nText.\n"
    assert "the secret" not in everything(parsed(tmp_path, "a.rst", text))


# --- Plain text ---------------------------------------------------------------------------------


def test_plain_text_is_told_from_how_its_lines_stand(tmp_path: Path) -> None:
    text = """NIGHT SHIFT NOTES
=================
What the night shift has to know, wrapped at some width so
that a sentence goes over.

Owner: Core
Region: North

BEFORE YOU START
  - Check the meter. It reads a little
    high.
  - Take the key.

  1. Begin with:

         shiftctl start --now

DONKEY
    The small pump. It is
    never switched off.

Name      Port   Team
--------  -----  ------
relay     8080   Core
meter     9090   Field
"""
    document = parsed(tmp_path, "notes.txt", text)
    assert document.elements == (
        Element(HEADING, "NIGHT SHIFT NOTES", level=1),
        Element(
            PROSE,
            "What the night shift has to know, wrapped at some width so that a sentence goes over.",
        ),
        Element(PROSE, "Owner: Core\nRegion: North"),
        Element(HEADING, "BEFORE YOU START", level=2),
        Element(ITEM, "Check the meter. It reads a little high.", level=1),
        Element(ITEM, "Take the key.", level=1),
        Element(ITEM, "1. Begin with:", level=1),
        Element(CODE, "shiftctl start --now"),
        Element(PROSE, "DONKEY\nThe small pump. It is never switched off."),
        Element(ROW, "Name: relay; Port: 8080; Team: Core", table=1),
        Element(ROW, "Name: meter; Port: 9090; Team: Field", table=1),
    )


def test_sentence_in_capitals_is_no_heading(tmp_path: Path) -> None:
    notice = (
        'THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR\n'
        "IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,\n"
        "FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT.\n"
    )
    document = parsed(
        tmp_path, "a.txt", f"Licence\n\n{notice}\nDANGER HOT SURFACE\nKEEP OFF\n\nEnd.\n"
    )
    assert outline(document) == [(1, "Licence")]
    assert len(texts(document, PROSE)) == 3


def test_heading_in_capitals_stands_on_its_text(tmp_path: Path) -> None:
    text = (
        "Desk\n\nNIGHT DUTY\nThe desk is open from eight to eight.\n\n"
        "PORTS\nAPI: 8080\nWEB: 80\n\nCALLS\n- FIRE\n- FLOOD\n"
    )
    document = parsed(tmp_path, "a.txt", text)
    assert outline(document) == [(1, "Desk"), (2, "NIGHT DUTY"), (2, "PORTS"), (2, "CALLS")]


def test_line_right_above_a_text_heads_it(tmp_path: Path) -> None:
    text = """LENDING

Who may borrow
Whoever has a card. Schools have boxes of their own.

2. What it costs
A deposit of 35 pounds. It comes back with the lamp.

Is there a list?
In winter there is.
"""
    document = parsed(tmp_path, "a.txt", text)
    heads = [(2, "Who may borrow"), (3, "2. What it costs"), (2, "Is there a list?")]
    assert outline(document) == [(1, "LENDING"), *heads]
    assert texts(document, PROSE)[-1] == "In winter there is."


def test_line_right_above_a_sentence_is_a_term(tmp_path: Path) -> None:
    text = "Words\n\nAmber hour\nThe hour after sunset.\n\nPink slip\nThe form of the workshop.\n"
    document = parsed(tmp_path, "a.txt", text)
    assert outline(document) == [(1, "Words")]


@pytest.mark.parametrize("name", ["LATHE  --  it cuts", "Lathe   -   it cuts", "LATHE  – it cuts"])
def test_heading_with_room_around_its_dash_is_no_row_of_columns(tmp_path: Path, name: str) -> None:
    rule, table = "=" * len(name), "Name     Port\n=============\nbell     80\nhorn     81\n"
    for heading in (f"{name}\n{rule}", f"{rule}\n{name}\n{rule}"):
        document = parsed(tmp_path, "a.txt", f"{heading}\n\nIt cuts all day.\n\n{table}")
        assert outline(document) == [(1, " ".join(name.split()))]
        assert texts(document, ROW) == ["Name: bell; Port: 80", "Name: horn; Port: 81"]


def test_room_without_end_in_a_heading_is_read(tmp_path: Path) -> None:
    name = f"LATHE{' ' * 200_000}MILL"
    document = parsed(tmp_path, "a.txt", f"{name}\n=====\nBoth  cut.\n")
    assert "Both cut." in everything(document)


def test_long_listing_in_capitals_is_read(tmp_path: Path) -> None:
    document = parsed(tmp_path, "a.txt", "List\n\n" + "ONE ITEM\n" * 6000)
    assert everything(document).count("ONE ITEM") == 6000


def test_numbered_line_above_a_text_is_a_heading_and_settings_keep_their_lines(
    tmp_path: Path,
) -> None:
    text = """QUARRY - plans of the day

1. Settings in production

    listen.port = 8226
    retry.delay = 15s

The block above is all there is.

2. Plans

workers = 6
health.path = /alive

A plan is made in the evening:

1. Weigh the carts.

2. Count them.

And they are sent.
"""
    document = parsed(tmp_path, "quarry.txt", text)
    assert document.elements == (
        Element(HEADING, "QUARRY - plans of the day", level=1),
        Element(HEADING, "1. Settings in production", level=2),
        Element(CODE, "listen.port = 8226\nretry.delay = 15s"),
        Element(PROSE, "The block above is all there is."),
        Element(HEADING, "2. Plans", level=2),
        Element(PROSE, "workers = 6\nhealth.path = /alive"),
        Element(PROSE, "A plan is made in the evening:"),
        Element(ITEM, "1. Weigh the carts.", level=1),
        Element(ITEM, "2. Count them.", level=1),
        Element(PROSE, "And they are sent."),
    )


def test_tildes_under_a_heading_are_no_fence_of_code(tmp_path: Path) -> None:
    text = (
        "QUARRY\n\nFOR THOSE WHO DIG\n~~~~~~~~~~~~~~~~~\nDig here.\n\n~~~\ndig\n~~~\n\nThen rest.\n"
    )
    assert parsed(tmp_path, "quarry.txt", text).elements == (
        Element(HEADING, "QUARRY", level=1),
        Element(HEADING, "FOR THOSE WHO DIG", level=2),
        Element(PROSE, "Dig here."),
        Element(CODE, "dig"),
        Element(PROSE, "Then rest."),
    )


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_every_usual_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    content = "Größe: 3 m, naïve café".encode(encoding)
    assert everything(parsed(tmp_path, "a.txt", content)).endswith("Größe: 3 m, naïve café")


@pytest.mark.parametrize("charset", ["undefined", "idna", "nonsense"])
def test_encoding_that_cannot_be_is_passed_over(tmp_path: Path, charset: str) -> None:
    page = f"<meta charset={charset}><p>Caf\xe9</p>".encode("cp1252")
    assert texts(parsed(tmp_path, "a.html", page), PROSE) == ["Café"]


def test_zero_bytes_go_and_characters_stay_as_they_are_written(tmp_path: Path) -> None:
    document = parsed(tmp_path, "a.txt", "ma\x00rk ﬁne e\u0301 x²".encode())
    assert texts(document, PROSE) == ["mark ﬁne é x²"]


def test_a_file_without_any_heading_has_no_title(tmp_path: Path) -> None:
    assert parsed(tmp_path, "night-shift.txt", "just one line here.").title == ""


def test_section_of_settings_is_a_line_of_its_own(tmp_path: Path) -> None:
    text = "Extract\n\n[server]\ngrpc_port = 7483\n\n[limits]\nretries = 4\nwait = 2 s\n"
    assert texts(parsed(tmp_path, "a.txt", text), PROSE) == [
        "[server]\ngrpc_port = 7483",
        "[limits]\nretries = 4\nwait = 2 s",
    ]


def test_dots_that_lead_to_a_value_become_a_colon_and_those_of_a_sentence_stay(
    tmp_path: Path,
) -> None:
    text = (
        "Quick look\n\n  uplink port ............ 7444\n  link cert. valid ....... 180 days\n"
        "  written in . . . . . Rust\n  port of the metrics .. 7445\n\n"
        "She wrote all she wanted .... The rest is\nsilence.\n"
    )
    assert texts(parsed(tmp_path, "relay.txt", text), PROSE) == [
        "uplink port: 7444\nlink cert. valid: 180 days\nwritten in: Rust\n"
        "port of the metrics: 7445",
        "She wrote all she wanted .... The rest is silence.",
    ]


# --- Word ---------------------------------------------------------------------------------------


def test_word_files_keep_headings_lists_code_and_tables(tmp_path: Path) -> None:
    source = Document()
    source.core_properties.title = "Pump handbook"
    source.sections[0].header.paragraphs[0].text = "Confidential"
    source.add_heading("Pumps", 1)
    source.add_paragraph("There are two pumps.")
    source.add_paragraph("Check oil", style="List Bullet")
    source.add_paragraph("Inner", style="List Bullet 2")
    source.add_paragraph().add_run("By hand").bold = True
    for line in ("if hot:", "    stop()"):
        run = source.add_paragraph().add_run(line)
        run.font.name, run.font.size = "Courier New", Pt(9)
    table = source.add_table(rows=3, cols=2)
    for row, cells in zip(table.rows, (("Pump", "Seal"), ("One", "A"), ("Two", "B")), strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.paragraphs[0].add_run(text).bold = text in ("Pump", "Seal")
    saved = io.BytesIO()
    source.save(saved)

    document = parsed(tmp_path, "pumps.docx", saved.getvalue())
    assert document == ParsedDocument(
        "Pump handbook",
        (
            Element(HEADING, "Pumps", level=1),
            Element(PROSE, "There are two pumps."),
            Element(ITEM, "Check oil", level=1),
            Element(ITEM, "Inner", level=2),
            Element(HEADING, "By hand", level=6),
            Element(CODE, "if hot:\n    stop()"),
            Element(ROW, "Pump: One; Seal: A", table=1),
            Element(ROW, "Pump: Two; Seal: B", table=1),
        ),
    )


def word_file(body: str) -> bytes:
    source = Document()
    end = source.element.body.sectPr
    for block in list(parse_xml(f"<w:body {nsdecls('w')}>{body}</w:body>")):
        end.addprevious(block)
    saved = io.BytesIO()
    source.save(saved)
    return saved.getvalue()


def run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def deleted(text: str) -> str:
    return f"<w:del><w:r><w:delText>{text}</w:delText></w:r></w:del>"


def inserted(text: str) -> str:
    return f"<w:ins>{run(text)}</w:ins>"


def control(inner: str, properties: str = "<w:text/>") -> str:
    return f"<w:sdt><w:sdtPr>{properties}</w:sdtPr><w:sdtContent>{inner}</w:sdtContent></w:sdt>"


@pytest.mark.parametrize(
    ("runs", "written"),
    [
        (run("Stop at ") + inserted("40") + deleted("30") + run(" bar."), "Stop at 40 bar."),
        ("<w:pPr><w:rPr><w:ins/></w:rPr></w:pPr>" + inserted("Stop."), "Stop."),
        (
            f"<w:moveFrom>{run('Stop. ')}</w:moveFrom>{run('Look. ')}"
            f"<w:moveTo>{run('Stop.')}</w:moveTo>",
            "Look. Stop.",
        ),
        (f"<w:ins>{run('Stop.')}{deleted(' Or not.')}</w:ins>", "Stop."),
        (f"<w:hyperlink>{inserted('Stop')}</w:hyperlink>{run(' now.')}", "Stop now."),
        (run("Stop at ") + control(run("40") + control(run(" bar."))), "Stop at 40 bar."),
        (run("See page ") + f"<w:fldSimple>{run('7')}</w:fldSimple>", "See page 7"),
        (run("Ask ") + f"<w:smartTag>{run('Ida')}</w:smartTag>", "Ask Ida"),
    ],
    ids=["changed", "inserted", "moved", "changed again", "link", "control", "field", "smart tag"],
)
def test_word_paragraphs_are_read_as_they_stand_with_all_changes(
    tmp_path: Path, runs: str, written: str
) -> None:
    body = "".join(f"<w:p>{one}</w:p>" for one in (run("The pump."), deleted("Old."), runs))
    document = parsed(tmp_path, "pumps.docx", word_file(body))
    assert texts(document, PROSE) == ["The pump.", written]


def test_what_stands_in_controls_of_a_word_file_is_read_and_what_nobody_wrote_is_not(
    tmp_path: Path,
) -> None:
    def line(runs: str) -> str:
        return f"<w:p>{runs}</w:p>"

    def row(*cells: str) -> str:
        return f"<w:tr>{''.join(cells)}</w:tr>"

    def cell(runs: str) -> str:
        return f"<w:tc>{line(runs)}</w:tc>"

    prompt = "<w:showingPlcHdr/>"
    contents = '<w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj>'
    heading = line('<w:pPr><w:pStyle w:val="Heading1"/></w:pPr>' + run("Pumps"))
    rows = (
        row("<w:trPr><w:tblHeader/></w:trPr>", cell(run("Pump")), cell(run("Seal"))),
        control(row(cell(run("One")), control(cell(run("A"))))),
        row(cell(inserted("Two")), cell(inserted("B") + deleted("C"))),
        row(cell(run("Three")), control(cell(run("Choose one.")), prompt)),
    )
    columns = '<w:tblGrid><w:gridCol w:w="9"/><w:gridCol w:w="9"/></w:tblGrid>'
    blocks = (
        control(line(run("Contents")) + line(run("Pumps 3")), contents),
        control(heading + control(line(run("There are three.")))),
        control(line(run("Click here to enter text.")), prompt),
        control(f"<w:tbl><w:tblPr/>{columns}{''.join(rows)}</w:tbl>"),
    )
    assert parsed(tmp_path, "pumps.docx", word_file("".join(blocks))).elements == (
        Element(HEADING, "Pumps", level=1),
        Element(PROSE, "There are three."),
        Element(ROW, "Pump: One; Seal: A", table=1),
        Element(ROW, "Pump: Two; Seal: B", table=1),
        Element(ROW, "Pump: Three", table=1),
    )
