"""Whether datasets and runs agree with their folders, and pairs with the passages they rest on;
and whether accounts of measurements were left."""

import itertools
import re
import shutil
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from filelock import FileLock

from ingestion import leases
from ingestion.models import Chunk
from ingestion.pokes import poke
from ingestion.problems import GRACE, Check, Problem, is_left
from training import jobs, runs
from training.audience import STAND_IN
from training.datasets import manifest
from training.evidence import quoted
from training.identity import pair_key, question_key
from training.models import Dataset, QAPair, TrainingRun
from training.pairs import leave_untied, set_tie
from training.sources import served_text

State = TrainingRun.State
Review = QAPair.Review

BATCH_SIZE = 2_000
# Those that have begun to train have a folder, and keep it.
_WITH_FOLDER = (State.RUNNING, State.EVALUATING, State.GATED, State.REJECTED, State.PROMOTED)
_WITH_MODEL = (State.GATED, State.PROMOTED)
_DATASET, _RUN = re.compile(r"[0-9a-f]{64}"), re.compile(r"\d{4,}")


# --- Datasets ----------------------------------------------------------------------------------
def datasets() -> Iterator[Problem]:
    """Each is its folder, byte by byte, and its row says how much is in there."""
    for dataset in Dataset.objects.order_by("pk"):
        if not dataset.folder.is_dir():
            yield Problem("dataset-missing", f"{dataset.sha256} of {dataset}")
        elif wrong := manifest.damage(dataset.folder):
            yield Problem("dataset-damaged", f"{dataset.sha256} of {dataset}: {wrong}")
        elif _lines(dataset) != (dataset.train, dataset.validation, dataset.test):
            repair = partial(_recount, dataset.pk)
            yield Problem("dataset-counts", f"{dataset} has other rows than it says", repair)


def _lines(dataset: Dataset) -> tuple[int, ...]:
    files = manifest.read_manifest(dataset.folder)["files"]
    return tuple(files[name]["lines"] for name in manifest.FILES)


def _recount(pk: int) -> bool:
    train, validation, test = _lines(Dataset.objects.get(pk=pk))
    rows = Dataset.objects.filter(pk=pk)
    return bool(rows.update(train=train, validation=validation, test=test))


def strays() -> Iterator[Problem]:
    """Folders of datasets and runs that no row names. A run's would be taken for its own by the
    next run of that number."""
    for folder in _folders(settings.DATASETS_DIR):
        if not is_left(folder):
            continue
        if folder.name.startswith(manifest.NEW):
            yield Problem("dataset-leftover", folder.name, partial(_remove_dataset, folder))
        elif _DATASET.fullmatch(folder.name) and not _is_dataset(folder):
            yield Problem("dataset-orphan", folder.name, partial(_remove_dataset, folder))
    for folder in _folders(settings.RUNS_DIR):
        if _RUN.fullmatch(folder.name) and is_left(folder) and not _is_run(folder):
            yield Problem("run-orphan", f"Folder {folder.name}", partial(_remove_run, folder))


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in Path(root).glob("*") if path.is_dir())


def _is_dataset(folder: Path) -> bool:
    return Dataset.objects.filter(sha256=folder.name).exists()


def _is_run(folder: Path) -> bool:
    return TrainingRun.objects.filter(number=int(folder.name)).exists()


def _remove_dataset(folder: Path) -> bool:
    with FileLock(folder.parent / manifest.LOCK):
        if _is_dataset(folder):
            return False
        shutil.rmtree(folder, ignore_errors=True)
    return True


def _remove_run(folder: Path) -> bool:
    if _is_run(folder):
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


# --- Runs --------------------------------------------------------------------------------------
def training_runs() -> Iterator[Problem]:
    """First what keeps every worker from a run, and so from all that it lacks besides."""
    for run in _held().order_by("pk"):
        yield Problem("run-lease", f"Lease of {run}", partial(_free, run.pk))
    for run in TrainingRun.objects.filter(state__in=_WITH_FOLDER).order_by("pk"):
        if not run.folder.is_dir():
            unfinished = run.state in TrainingRun.ACTIVE
            repair = partial(_give_up, run.pk) if unfinished else None
            yield Problem("run-folder-missing", f"Folder of {run}", repair)
    for run in _forgotten().order_by("pk"):
        yield Problem("run-forgotten", f"Nobody works on {run}", partial(_queue_anew, run.pk))
    without = TrainingRun.objects.filter(state__in=_WITH_MODEL, model=None)
    for run in without.order_by("pk"):
        yield Problem("run-model-missing", f"{run} {run.get_state_display().lower()}")


def _held() -> QuerySet[TrainingRun]:
    return TrainingRun.objects.filter(leases.impossible(), state__in=TrainingRun.UNFINISHED)


def _free(pk: int) -> bool:
    return bool(_held().filter(pk=pk).update(lease_until=None))


def _give_up(pk: int) -> bool:
    """Without a folder there is nothing to go on from; whoever works on it finds that too."""
    active = TrainingRun.objects.filter(leases.ended(), pk=pk, state__in=TrainingRun.ACTIVE)
    with transaction.atomic():
        given_up = active.update(
            state=State.FAILED,
            fence=F("fence") + 1,
            lease_until=None,
            ended_at=timezone.now(),
            failure_id="folder-gone",
            failure_reason="Its folder is gone, with the checkpoints. Start a new run.",
        )
        if given_up:
            jobs.announce_end(TrainingRun.objects.get(pk=pk), State.FAILED)
    return bool(given_up)


def _forgotten() -> QuerySet[TrainingRun]:
    """Under way by their state, and without a lease for longer than a restart takes."""
    quiet = timezone.now() - GRACE
    started = Q(lease_until__lt=quiet) | Q(lease_until=None)
    return jobs.unattended().filter(started, state__in=TrainingRun.ACTIVE, started_at__lt=quiet)


def _queue_anew(pk: int) -> bool:
    with transaction.atomic():
        queued = _forgotten().filter(pk=pk)
        changed = queued.update(state=State.QUEUED, device="", fence=F("fence") + 1)
        poke(runs.TASK)
    return bool(changed)


# --- Pairs -------------------------------------------------------------------------------------
def pairs() -> Iterator[Problem]:
    """Each rests on words of its own document. Whether these are served now is asked at each
    use, so there is no mark that could be wrong."""
    tied = QAPair.objects.exclude(content_hash="").exclude(review=Review.REJECTED)
    ordered = tied.order_by("document_id", "pk").iterator(BATCH_SIZE)
    for document, of_document in itertools.groupby(ordered, key=lambda pair: pair.document_id):
        texts = _texts(document)
        for pair in of_document:
            if pair.content_hash not in texts:
                kind = "pair-passage"
            elif pair.evidence not in _spans(texts[pair.content_hash], pair):
                kind = "pair-evidence"
            else:
                continue
            yield Problem(kind, f"Pair {pair.pk} of document {document}", partial(_retie, pair.pk))
    fields = ("pk", "question", "answer", "key", "question_key")
    for pk, question, answer, *keys in QAPair.objects.values_list(*fields).iterator(BATCH_SIZE):
        if keys != [pair_key(question, answer), question_key(question)]:
            yield Problem("pair-key", f"Pair {pk}", partial(_rename, pk))


def _texts(document: int) -> dict[str, list[str]]:
    """By content hash, which is the same for passages that differ in white space."""
    texts: dict[str, list[str]] = {}
    chunks = Chunk.objects.filter(version__document=document).order_by("pk")
    for named, text in chunks.values_list("content_hash", "text"):
        if text not in texts.setdefault(named, []):
            texts[named].append(text)
    return texts


def _retie(pk: int) -> bool:
    """Tie it to the served words that bear it out, unless its passage has come back meanwhile.

    Without any, one whose passage is gone is left, for it is taught no more and the passage may
    come back; one whose passage says otherwise would be taught, and has to wait for a reviewer.
    """
    pair = QAPair.objects.select_related("document").get(pk=pk)
    texts = _texts(pair.document_id).get(pair.content_hash, [])
    if pair.evidence in _spans(texts, pair):
        return True
    found = quoted(pair.question, pair.answer, pair.evidence, served_text(pair.document).sources)
    if found is not None and pair.evidence.strip():
        decided = pair.review, pair.problem
        set_tie(pair, found)
        pair.review, pair.problem = decided
    elif texts:
        pair.content_hash, pair.start, pair.end = "", None, None
        leave_untied(pair)
    else:
        return False
    pair.save()
    return True


def _spans(texts: Iterable[str], pair: QAPair) -> list[str]:
    return [text[pair.start : pair.end] for text in texts]


def _rename(pk: int) -> bool:
    pair = QAPair.objects.get(pk=pk)
    keys = {
        "key": pair_key(pair.question, pair.answer),
        "question_key": question_key(pair.question),
    }
    try:
        with transaction.atomic():
            return bool(QAPair.objects.filter(pk=pk).update(**keys))
    except IntegrityError:  # The document has this pair already.
        return False


# --- Accounts ----------------------------------------------------------------------------------
def accounts() -> Iterator[Problem]:
    """Those that a measurement asks with go with it, unless it is killed."""
    # As long as a run may take one may be in use.
    long_ago = timezone.now() - timedelta(minutes=runs.LONGEST_MINUTES) - GRACE
    left = _stand_ins().filter(date_joined__lt=long_ago)
    for pk in left.order_by("pk").values_list("pk", flat=True):
        yield Problem("account-left", f"Account {pk}", partial(_remove_account, pk))


def _stand_ins() -> QuerySet[AbstractUser]:
    return get_user_model().objects.filter(username__regex=STAND_IN, is_active=False)


def _remove_account(pk: int) -> bool:
    removed, _ = _stand_ins().filter(pk=pk).delete()
    return bool(removed)


CHECKS = (
    Check(Dataset.objects.count, datasets),
    Check(lambda: len(_folders(settings.DATASETS_DIR) + _folders(settings.RUNS_DIR)), strays),
    Check(TrainingRun.objects.count, training_runs),
    Check(QAPair.objects.count, pairs),
    Check(lambda: _stand_ins().count(), accounts),
)
