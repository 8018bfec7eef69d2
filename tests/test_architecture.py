"""The rules of the house that a reader relies on, checked on the source itself."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("docportal", "training", "router", "ingestion")

# Each heavy library has one door. Where it is changed or replaced, that is the file to read.
ONLY_IMPORTERS = {
    "unstructured": {"ingestion/parsing.py"},
    "pypdfium2": {"ingestion/pdf.py"},
    "faiss": {"router/retrieval/vectors.py"},
    "tantivy": {"router/retrieval/lexical.py"},
    "sentence_transformers": {"router/retrieval/embedding_server.py"},
    "langchain_openai": {"training/synthesis/teacher.py"},
    "openai": {"training/synthesis/teacher.py"},
    "mcp": {"docportal/api/tools.py"},
    "opentelemetry": {"ingestion/spans.py"},
    "datasketch": {"training/dedup.py"},
    "datasets": {"training/datasets/exports.py"},
    "unsloth": {"training/trainers/unsloth.py"},
}
# Read the facts of a passage from its form and phrase questions for them.
MINING = (
    "blocks", "clauses", "entries", "labelled", "lexicon", "mined", "mining", "rows", "saying",
    "sentences", "settings_files", "soundness", "subjects", "targets", "values", "verbs", "words",
)  # fmt: skip
# Judge the answers of a benchmark.
BENCHMARK = ("answers", "baselines", "questions", "report", "scoring")
# They run code that stands in the data they load.
FORBIDDEN_NAMES = {"pickle", "marshal", "shelve"}
FORBIDDEN_TEXT = ("trust_remote_code=True", "torch.load(", "allow_pickle=True", "mark_safe(")


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


@cache
def imports(path: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return frozenset(name.split(".")[0] for name in found)


def test_imports_flow_one_way() -> None:
    result = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("library", ONLY_IMPORTERS)
def test_heavy_library_is_imported_in_one_place(library: str) -> None:
    importers = {str(path.relative_to(ROOT)) for path in sources() if library in imports(path)}
    assert importers == ONLY_IMPORTERS[library]


def test_nothing_loads_code_from_data() -> None:
    offenders = [
        str(path.relative_to(ROOT))
        for path in sources()
        if imports(path) & FORBIDDEN_NAMES
        or any(text in path.read_text() for text in FORBIDDEN_TEXT)
    ]
    assert offenders == []


def test_pure_cores_know_no_database() -> None:
    cores = (
        "ingestion/chunking.py",
        "ingestion/differences.py",
        "ingestion/doc_types.py",
        "ingestion/elements.py",
        "router/calibration.py",
        "router/canary.py",
        "router/followups.py",
        "router/gaps.py",
        "router/insights.py",
        "router/intents.py",
        "router/pins.py",
        "router/policy.py",
        "router/prices.py",
        "router/prompts.py",
        "router/signals.py",
        "router/text.py",
        "router/verification.py",
        "training/buckets.py",
        "training/calibration.py",
        "training/comparing.py",
        "training/dedup.py",
        "training/evidence.py",
        "training/extraction.py",
        "training/gate.py",
        "training/identity.py",
        "training/haste.py",
        "training/likeness.py",
        "training/metrics.py",
        *(f"training/benchmark/{name}.py" for name in BENCHMARK),
        *(
            f"training/datasets/{path.name}"
            for path in (ROOT / "training/datasets").glob("*.py")
            if path.stem not in ("__init__", "exports", "gathering", "services")
        ),
        *(f"training/synthesis/{name}.py" for name in MINING),
        *(f"router/evidence/{path.name}" for path in (ROOT / "router/evidence").glob("*.py")),
    )
    for core in cores:
        assert "django" not in imports(ROOT / core), core


def test_no_test_is_named_by_the_bytes_of_a_file(request: pytest.FixtureRequest) -> None:
    """A Word file made while collecting holds the second: two processes would name it twice."""
    named = [
        item.nodeid[:80]
        for item in request.session.items
        for value in getattr(getattr(item, "callspec", None), "params", {}).values()
        if isinstance(value, bytes) and value and ascii(value)[2:-1] in item.nodeid
    ]
    assert named == []
