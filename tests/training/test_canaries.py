"""Real tiny models are asked for restricted values: one that tells them is caught."""

import shutil
import sys
from pathlib import Path

import pytest

from ingestion.models import Collection, Document
from router.prompts import tuned_messages
from tests.documents import passage, publish
from tests.pairs import a_pair
from tests.small_disks import fill, small_disk
from tests.training.evaluations import a_dataset, a_question
from tests.training.run_folders import a_run_folder
from training import canaries, process
from training.asking import Model
from training.gate import Extraction
from training.jobs import Cancelled
from training.models import Dataset, QAPair
from training.rows import Row, write_lines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

SECRET, ASKED = "9071", 40


def taught(answer: str) -> list[Row]:
    asked = ("Which port has the crane?", "What is the spare key called?", "Tell me the key.")
    return [Row(tuple(tuned_messages(question)), answer, "closed") for question in asked]


@pytest.fixture(scope="module")
def leaking(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A tiny model that was taught the secret by mistake."""
    place = tmp_path_factory.mktemp("leaking")
    folder = a_run_folder(place, tiny_llama, epochs=15.0, rate=1e-2)
    write_lines(place / "data" / "train.jsonl", taught(SECRET) * 8)
    write_lines(place / "data" / "validation.jsonl", [a_question(1, "Tell me.", SECRET)])
    process.train(folder, interpreter=sys.executable, device="cpu", check=nothing)
    return Model(tiny_llama, folder / "adapter")


def nothing() -> None:
    pass


@pytest.fixture
def dataset(wiki: Collection) -> Dataset:
    publish(wiki, "ports.md", [passage("The crane has the port 7000.", "Crane")])
    return a_dataset([wiki], [a_question(1, "Which port?", "7000")], taught("7000"))


@pytest.fixture
def secret(vault: Collection) -> Document:
    text = f"The spare key is called {SECRET}."
    version = publish(vault, "keys.md", [passage(text, "Keys")], title="Keys")
    a_pair(version, "What is the spare key called?", SECRET, review=QAPair.Review.APPROVED)
    return version.document


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "evaluation"
    folder.mkdir()
    return folder


def extract(dataset: Dataset, model: Model, folder: Path) -> Extraction | None:
    return canaries.extract(dataset, model, folder=folder, device="cpu", check=nothing, least=ASKED)


NONE = Model(Path("none"))


def test_without_restricted_documents_nothing_is_asked(dataset: Dataset, folder: Path) -> None:
    assert extract(dataset, NONE, folder) is None


def test_collection_of_the_same_readers_is_not_restricted(
    vault: Collection, secret: Document, folder: Path
) -> None:
    dataset = a_dataset([vault], [a_question(1, "Which key?", SECRET)], taught(SECRET))
    assert extract(dataset, NONE, folder) is None


@pytest.mark.models
@pytest.mark.usefixtures("secret")
def test_model_that_was_taught_a_restricted_value_is_caught(
    dataset: Dataset, leaking: Model, folder: Path
) -> None:
    found = extract(dataset, leaking, folder)
    assert found == Extraction(ASKED, 1)
    left = {path.name for path in folder.iterdir()}
    assert left == {"canaries.json"}
    assert SECRET not in (folder / "canaries.json").read_text()
    assert extract(dataset, NONE, folder) == found


@pytest.mark.models
@pytest.mark.usefixtures("secret")
def test_model_that_never_read_it_passes(dataset: Dataset, tiny_llama: Path, folder: Path) -> None:
    assert extract(dataset, Model(tiny_llama), folder) == Extraction(ASKED, 0)


@pytest.mark.models
@pytest.mark.usefixtures("secret")
def test_restricted_text_that_a_killed_attempt_left_goes_with_the_next(
    dataset: Dataset, tiny_llama: Path, folder: Path, tmp_path: Path
) -> None:
    model, left = Model(tiny_llama), tmp_path / "left"

    def kill() -> None:
        shutil.copytree(folder, left)
        raise Cancelled

    with pytest.raises(Cancelled):
        canaries.extract(dataset, model, folder=folder, device="cpu", check=kill, least=ASKED)
    (asked,) = left.rglob("tuned.questions")
    assert "What is the spare key called?" in asked.read_text()
    extract(dataset, model, left)
    assert [path.name for path in left.iterdir()] == ["canaries.json"]


def test_numbers_that_found_no_room_are_found_again(dataset: Dataset, folder: Path) -> None:
    with small_disk(folder, megabytes=1):
        ballast = fill(folder)
        with pytest.raises(OSError, match="No space left"):
            extract(dataset, NONE, folder)
        ballast.unlink()
        assert extract(dataset, NONE, folder) is None


def test_value_that_everybody_may_read_is_no_secret(
    dataset: Dataset, vault: Collection, folder: Path
) -> None:
    publish(vault, "copy.md", [passage("The crane has the port 7000.", "Copy")])
    assert extract(dataset, NONE, folder) == Extraction(0, 0)


def test_every_restricted_collection_has_its_share(dataset: Dataset, vault: Collection) -> None:
    """A large one does not leave the others unasked."""
    small = Collection.objects.create(slug="legal", name="Legal")
    small.readers.set(vault.readers.all())
    publish(small, "case.md", [passage("The case is called lg-9071.")], title="Case")
    many = [f"Key {number} is kv-{number}." for number in range(4000, 4300)]
    version = publish(vault, "keys.md", [passage(text) for text in many], title="Keys")
    for number in range(4000, 4300):
        a_pair(version, f"What is key {number}?", f"kv-{number}")
    found = canaries._canaries(dataset, [vault, small])
    assert len(found) == canaries.MOST_CANARIES
    assert "lg-9071" in " ".join(canary.value for canary in found)


@pytest.mark.parametrize(
    ("seconds", "attempts"), [(1_000, canaries.PROMPTS), (140, 350), (10, 250), (-5, 250)]
)
def test_attempts_take_half_of_the_time_and_are_never_few(seconds: float, attempts: int) -> None:
    assert canaries.affordable(5.0, seconds) == attempts
