import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from tests.docportal.backups.installations import Installation
from tests.model_files import a_base
from tests.router.retrieval.hashed_words import hashed_words

# A home with a bit of everything, made by the process that runs this.
MAKE = """
    import sys
    from pathlib import Path
    from tests.model_files import Workshop
    from tests.people import make_collections, make_people
    from tests.whole_homes import an_intact_home
    from training.models import TrainingRun
    from training.runs import request

    people, (wiki, vault) = make_people(), make_collections()
    workshop = Workshop(Path(sys.argv[1]))
    home = an_intact_home(workshop, wiki, vault, people.reader)
    (home.run.folder / "run.json").write_text("{}")
    (home.run.folder / "adapter").mkdir()
    under_way = request(collections=[wiki], by=people.admin, enqueue=False)
    under_way.folder.mkdir()
    TrainingRun.objects.filter(pk=under_way.pk).update(state="evaluating", device="cpu")
"""

Install = Callable[..., Installation]


@pytest.fixture(scope="package")
def common(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What all installations of a company share: base models and the embedding server."""
    models = tmp_path_factory.mktemp("models")
    embedder = django_settings.EMBEDDINGS_MODEL
    (models / embedder).symlink_to(Path(django_settings.MODELS_DIR) / embedder)
    a_base(models / "base")
    with hashed_words() as server:
        yield {"MODELS_DIR": str(models), "EMBEDDINGS_URL": server.url}


@pytest.fixture(scope="package")
def install(tmp_path_factory: pytest.TempPathFactory, common: dict[str, str]) -> Iterator[Install]:
    made: list[Installation] = []

    def new(name: str, like: Installation | None = None) -> Installation:
        made.append(Installation(tmp_path_factory.mktemp(name), common, like))
        return made[-1]

    yield new
    for one in made:
        one.destroy()


@pytest.fixture(scope="package")
def migrated(install: Install) -> Installation:
    """A home with a database and nothing else; no test changes it."""
    made = install("migrated")
    made.done("migrate", "-v0")
    return made


@pytest.fixture(scope="package")
def whole(
    install: Install, migrated: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    """A home with a bit of everything in it; no test changes it."""
    made = install("whole", like=migrated)
    ended = made.run(MAKE, str(tmp_path_factory.mktemp("made") / "workshop"))
    assert ended.code == 0, ended.err
    return made


@pytest.fixture(scope="package")
def kept(whole: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it; no test changes it."""
    folder = tmp_path_factory.mktemp("backups") / "kept"
    whole.done("backup", folder)
    return folder


@pytest.fixture
def backups(kept: Path, tmp_path: Path) -> Path:
    """The same backup, to be damaged."""
    return Path(shutil.copytree(kept, tmp_path / "backups"))
