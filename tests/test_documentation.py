"""What the texts say about variables, commands, targets and files is true."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from django.core.management import BaseCommand, get_commands, load_command_class

ROOT = Path(__file__).resolve().parent.parent
TEXTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


BENCHMARKS = [ROOT / "docs" / name for name in ("benchmark.md", "benchmark-history.md")]
# A row of dashes parts the heading of a table from the rest.
TABLE = re.compile(r"^(\|.*)\n\| --- .*\n((?:\|.*\n)+)", re.MULTILINE)
# Whose times are told in the text.
UNTABLED = {"saltmere"}


def variables_read() -> dict[str, ast.expr | None]:
    """Each variable that the settings read, with the expression of its default."""
    tree = ast.parse((ROOT / "docportal" / "settings.py").read_text(encoding="utf-8"))
    return dict(_environment_reads(tree))


def _environment_reads(tree: ast.Module) -> Iterator[tuple[str, ast.expr | None]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="env")),
                args=[ast.Constant(value=str(name)), *_],
                keywords=keywords,
            ):
                yield name, next((word.value for word in keywords if word.arg == "default"), None)


def variables_documented() -> dict[str, str]:
    """Each variable of the tables, with its default as it is written there."""
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \|", text, flags=re.MULTILINE)
    return {name: default.strip("`") for name, default in rows}


def test_every_variable_of_the_settings_is_documented_and_no_other() -> None:
    assert variables_documented().keys() == variables_read().keys()


def test_defaults_are_documented_as_they_are() -> None:
    documented = variables_documented()
    literal = {
        name: str(default.value).lower() if isinstance(default.value, bool) else str(default.value)
        for name, default in variables_read().items()
        if isinstance(default, ast.Constant) and default.value != ""
    }
    assert len(literal) >= 12
    assert {name: documented[name] for name in literal} == literal


def test_variables_without_a_default_are_documented_as_required() -> None:
    documented = variables_documented()
    required = {name for name, default in variables_read().items() if default is None}
    assert required == {name for name in documented if documented[name].startswith("required")}


def commands_of_the_readme() -> dict[str, set[str]]:
    """Each command of the table, with its options."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("## Commands")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`(\w+).*?) \| ", table, flags=re.MULTILINE)
    return {name: set(re.findall(r"--[\w-]+", row)) for row, name in rows}


def options_of(command: BaseCommand) -> set[str]:
    return set(command.create_parser("", "")._option_string_actions)


def test_commands_of_the_readme_have_the_options_of_their_rows_and_no_others() -> None:
    of_all = options_of(BaseCommand())
    described = commands_of_the_readme()
    assert described
    apps = get_commands()
    there = {name: options_of(load_command_class(str(apps[name]), name)) for name in described}
    assert described == {name: options - of_all for name, options in there.items()}


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.name)
def test_make_targets_in_the_texts_exist(text: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, flags=re.MULTILINE))
    mentioned = re.findall(r"(?:`|^)make ([\w-]+)", text.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(mentioned) <= targets


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.name)
def test_links_between_files_lead_somewhere(text: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", text.read_text(encoding="utf-8"))
    assert [link for link in links if not (text.parent / link).exists()] == []


def test_modules_named_in_the_architecture_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    modules = set(re.findall(r"`((?:docportal|training|router|ingestion)/[\w/]*)\.py`", text))
    assert modules
    assert [name for name in sorted(modules) if not (ROOT / f"{name}.py").exists()] == []


def tables() -> Iterator[tuple[list[str], list[list[str]]]]:
    """Of those of the companies that were asked the headings and the rows."""
    for text in BENCHMARKS:
        for heading, rows in TABLE.findall(text.read_text(encoding="utf-8")):
            yield cells(heading), [cells(row) for row in rows.splitlines()]


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_shares_are_of_as_many_as_their_heading_says() -> None:
    for headings, rows in tables():
        for column, heading in enumerate(headings):
            if of := re.search(r", of (\d+)$", heading):
                number = int(of[1])
                possible = {f"{count / number:.0%}" for count in range(number + 1)}
                shares = {row[column].replace(" ", "") for row in rows if "%" in row[column]}
                assert shares <= possible, heading


def test_ratios_of_times_and_tokens_follow_from_the_tables() -> None:
    measured = set[tuple[str, ...]]()
    for headings, rows in tables():
        if headings[-1] == "Tokens":
            pairs = [pair for pair in pairwise(rows) if is_compared(*pair)]
            measured |= {tuple(map(ratio, hybrid[-3:], rag[-3:])) for rag, hybrid in pairs}
    (told,) = [rows for headings, rows in tables() if headings[1] == "Median"]
    for company, *ratios in told:
        assert company in UNTABLED or tuple(ratios[:3]) in measured, company


def is_compared(one: list[str], other: list[str]) -> bool:
    return one[0].startswith("rag") and other[0].startswith("hybrid")


def ratio(of: str, to: str) -> str:
    """As it is written: `.33`; empty where nothing was measured."""
    one, other = (re.sub(r"\D", "", text) for text in (of, to))
    return f"{int(one) / int(other):.2f}".removeprefix("0") if one and other else ""
