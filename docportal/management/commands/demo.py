"""The whole product with a sample company: three people, its documents, and their new versions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import call_command

from docportal.management.commands import up
from docportal.models import User
from ingestion import services
from ingestion.models import Collection, DocType
from training import runs
from training.models import TrainingRun

PASSWORD = "demo-password"  # noqa: S105  Printed at the start, on loopback only.
PEOPLE = {"engineer": ["engineer"], "writer": ["writer", "security"], "admin": ["admin"]}
# For the first model, of the systems: its training, evaluation, gate and promotion. What stands in
# the other collections is answered from passages.
MINUTES = 6.5
DOCUMENTS: Path = settings.BASE_DIR / "demo" / "documents"
# Name of the collection, its folder, its readers, its document type (empty: guessed).
COLLECTIONS: Sequence[tuple[str, str, list[str], str]] = [
    ("Systems", "systems", [], ""),
    ("Handbook", "handbook", [], ""),
    ("Restricted", "restricted", ["security"], ""),
    ("Marketing", "marketing", [], DocType.MARKETING),
]


class Command(up.Command):
    help = "Run the whole product with a sample company's documents; Ctrl-C stops everything."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, roles in PEOPLE.items():
            call_command(
                *("createuser", name, "--role", roles[0], "--password", PASSWORD),
                *("--groups", *roles[1:]),
                stdout=self.stderr,
            )
        super().handle(*args, **options)

    def started(self) -> None:
        self.stdout.write(f"Sign in as engineer, writer or admin; the password is {PASSWORD}")
        writer = User.objects.get(username="writer")
        for name, folder, readers, doc_type in COLLECTIONS:
            collection = _collection(name, readers, doc_type)
            for edition in (1, 2):
                _upload(collection, DOCUMENTS / f"v{edition}" / folder, writer, edition)
        self.stdout.write("The documents are uploaded; the library shows how they get ready.")
        if not TrainingRun.objects.exists():
            runs.request(
                collections=[Collection.objects.get(name="Systems")],
                by=User.objects.get(username="admin"),
                max_minutes=MINUTES,
                promote_when_passed=True,
                reason="The first model of the sample company",
            )
            self.stdout.write(
                f"A model is trained on Systems in about {MINUTES + 2.5:.0f} minutes: "
                "the admin sees how at /training/."
            )


def _collection(name: str, readers: list[str], doc_type: str) -> Collection:
    found = Collection.objects.filter(name=name).first()
    return found or services.create_collection(
        actor=None,
        name=name,
        readers=[Group.objects.get(name=reader) for reader in readers],
        default_doc_type=doc_type,
    )


def _upload(collection: Collection, folder: Path, author: User, edition: int) -> None:
    """Bring one edition in, unless an earlier start of the demo has done so."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        path = file.relative_to(folder).as_posix()
        if collection.documents.filter(path=path, versions__number__gte=edition).exists():
            continue
        with file.open("rb") as content:
            services.add_version(
                collection=collection,
                path=path,
                content=content,
                author=author,
                note="Winter season 2026" if edition == 2 else "",
            )
