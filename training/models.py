"""What a model can be taught, and how a model was made: pairs, datasets, runs, evaluations.

Three rules hold here without anybody keeping them:

* A pair is **live** while its passage is served: a join on the content hash. An edit elsewhere in
  a document leaves its pairs alone, an edit of their passage retires them, a restored version
  brings them back.
* A pair that is **approved** has its words in a document: the database refuses any other.
* A run is a job: its row is claimed with a fence and a lease, and one run at a time has a device.
"""

from datetime import timedelta
from pathlib import Path
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

import training.benchmark.models  # noqa: F401  Django looks for models in this module.
from ingestion.models import Chunk, Collection, DocType, Document, DocumentVersion, Reader
from router.models import Citation, Feedback, ModelVersion

HASH = 64


class PairQuerySet(models.QuerySet["QAPair"]):
    def live(self) -> Self:
        """Those whose passage stands, unchanged, in the served version of their document."""
        return self.filter(_is_served())

    def retired(self) -> Self:
        """Those whose passage was changed, withdrawn or archived."""
        return self.exclude(content_hash="").exclude(_is_served())

    def trainable(self) -> Self:
        """Those that a model may be taught: live, approved, and of documents meant for it."""
        return (
            self.live()
            .filter(review=QAPair.Review.APPROVED, document__collection__trainable=True)
            .exclude(document__doc_type=DocType.MARKETING)
        )

    def waiting(self) -> Self:
        """Those that somebody has to review. A pair of a passage that is gone has not to be."""
        return self.filter(Q(content_hash="") | Q(_is_served()), review=QAPair.Review.PENDING)

    def readable_by(self, user: Reader) -> Self:
        return self.filter(document__collection__in=Collection.objects.readable_by(user))


def _is_served() -> Exists:
    return Exists(
        Chunk.objects.filter(
            content_hash=OuterRef("content_hash"),
            version__in=DocumentVersion.objects.served(),
            version__document=OuterRef("document"),
        )
    )


class SynthesisUnit(models.Model):
    """One question to the teacher about one passage: a stopped synthesis goes on from these."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    document = models.ForeignKey(Document, models.CASCADE, related_name="synthesis_units")
    content_hash = models.CharField(max_length=HASH)
    prompt_version = models.CharField(max_length=20)
    teacher = models.CharField(max_length=200)
    seed = models.PositiveIntegerField()
    key = models.CharField(max_length=HASH, help_text="sha256 of the four values above.")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    pairs = models.PositiveIntegerField(default=0)
    failure = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["document", "key"], name="synthesis_unit_unique"),
            models.CheckConstraint(
                name="synthesis_failure_has_reason", condition=~Q(state="failed") | ~Q(failure="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document} {self.content_hash[:8]} {self.state}"


class MinedVersion(models.Model):
    """A version whose passages were mined; a served one without this row waits for it."""

    version = models.OneToOneField(
        DocumentVersion, models.CASCADE, primary_key=True, related_name="mined"
    )
    miner = models.CharField(max_length=20, help_text="The rules by which it was done.")
    pairs = models.PositiveIntegerField(help_text="That were new.")
    mined_at = models.DateTimeField(auto_now=True)


class QAPair(models.Model):
    """A question and its answer, tied to the words of a passage that say so."""

    class Origin(models.TextChoices):
        IMPORTED = "imported", "Imported with the document"
        WRITTEN = "written", "Written by a person"
        FEEDBACK = "feedback", "Corrected by a reader"
        TEACHER = "teacher", "Written by the teacher model"
        MINED = "mined", "Read from the document's structure"

    class Review(models.TextChoices):
        PENDING = "pending", "Waiting for review"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"

    class Problem(models.TextChoices):
        NO_EVIDENCE = "no-evidence", "Its evidence is not in the document"
        CONFLICT = "conflict", "Another pair answers the same question differently"

    document = models.ForeignKey(Document, models.CASCADE, related_name="pairs")
    content_hash = models.CharField(
        max_length=HASH, blank=True, help_text="Of the passage that holds the evidence."
    )
    start = models.PositiveIntegerField(
        null=True, blank=True, help_text="Of the evidence, in characters of the passage's text."
    )
    end = models.PositiveIntegerField(null=True, blank=True)
    question = models.TextField()
    answer = models.TextField()
    evidence = models.TextField(blank=True, help_text="The words of the source that say so.")
    fact_id = models.CharField(
        max_length=HASH, db_index=True, help_text="The same for all phrasings of one fact."
    )
    origin = models.CharField(max_length=10, choices=Origin)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    unit = models.ForeignKey(
        SynthesisUnit, models.SET_NULL, null=True, blank=True, related_name="made"
    )
    review = models.CharField(max_length=10, choices=Review, default=Review.PENDING)
    problem = models.CharField(max_length=20, choices=Problem, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    key = models.CharField(max_length=HASH, help_text="sha256 of question and answer, normalised.")
    question_key = models.CharField(
        max_length=HASH, blank=True, db_index=True, help_text="The same for the same question."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PairQuerySet.as_manager()

    class Meta:
        ordering = ("document", "pk")
        indexes = [
            models.Index(fields=["document", "content_hash"], name="pair_passage"),
            models.Index(fields=["review", "document"], name="pair_review"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["document", "key"], name="pair_unique"),
            models.CheckConstraint(
                name="pair_not_empty", condition=~Q(question="") & ~Q(answer="")
            ),
            models.CheckConstraint(
                name="pair_span_in_passage",
                condition=Q(content_hash="", start__isnull=True, end__isnull=True)
                | (~Q(content_hash="") & Q(start__lt=models.F("end"))),
            ),
            models.CheckConstraint(
                name="pair_approved_has_evidence",
                condition=~Q(review="approved") | ~Q(content_hash=""),
            ),
        ]

    def __str__(self) -> str:
        return self.question[:80]


class Dataset(models.Model):
    """A frozen set of rows: a folder of JSON lines with a manifest, never changed.

    The manifest names every pair, passage hash, version and reader group that went in; its sha256
    is the dataset's name.
    """

    number = models.PositiveIntegerField(unique=True)
    sha256 = models.CharField(max_length=HASH, unique=True)
    seed = models.PositiveIntegerField()
    collections = models.ManyToManyField(Collection, related_name="+")
    pairs = models.PositiveIntegerField()
    facts = models.PositiveIntegerField()
    train = models.PositiveIntegerField(help_text="Rows.")
    validation = models.PositiveIntegerField(help_text="Questions.")
    test = models.PositiveIntegerField(help_text="Questions.")
    left_out = models.JSONField(default=list, help_text='[{"what", "why", "pairs"}]')
    warnings = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-number",)

    def __str__(self) -> str:
        return f"dataset {self.number}"

    @property
    def folder(self) -> Path:
        return Path(settings.DATASETS_DIR) / self.sha256


class TrainingRun(models.Model):
    """One attempt to make a better model; also the job of the worker that has it."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        PREPARING = "preparing", "Preparing the data"
        RUNNING = "running", "Training"
        EVALUATING = "evaluating", "Evaluating"
        GATED = "gated", "Passed the gate"
        REJECTED = "rejected", "Stopped by the gate"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        PROMOTED = "promoted", "Promoted"

    class Mode(models.TextChoices):
        FULL = "full", "From the base model"
        APPEND = "append", "On top of the serving model"

    class Trainer(models.TextChoices):
        PEFT = "peft", "PEFT"
        UNSLOTH = "unsloth", "Unsloth"

    ACTIVE = (State.PREPARING, State.RUNNING, State.EVALUATING)
    UNFINISHED = (State.QUEUED, *ACTIVE)

    number = models.PositiveIntegerField(unique=True)
    collections = models.ManyToManyField(Collection, related_name="+")
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.FULL)
    trainer = models.CharField(max_length=10, choices=Trainer)
    max_minutes = models.FloatField()
    promote_when_passed = models.BooleanField(default=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    requested_at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it was started.")

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    device = models.CharField(max_length=20, blank=True, help_text="That it runs on.")
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    failure_id = models.CharField(max_length=40, blank=True)
    failure_reason = models.CharField(max_length=1000, blank=True)

    step = models.PositiveIntegerField(default=0)
    steps = models.PositiveIntegerField(default=0, help_text="Expected in all.")
    loss = models.FloatField(null=True, blank=True)
    tokens_per_second = models.FloatField(null=True, blank=True)
    seconds_left = models.FloatField(null=True, blank=True)

    dataset = models.ForeignKey(Dataset, models.PROTECT, null=True, blank=True, related_name="runs")
    metrics = models.JSONField(default=dict)
    gate = models.JSONField(
        default=list, help_text='[{"check", "value", "limit", "passed", "reason"}]'
    )
    model = models.OneToOneField(
        ModelVersion, models.SET_NULL, null=True, blank=True, related_name="run"
    )
    override_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    override_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("-number",)
        constraints = [
            models.UniqueConstraint(
                fields=["device"],
                name="run_one_a_device",
                condition=Q(state__in=("preparing", "running", "evaluating")),
            ),
            models.CheckConstraint(
                name="run_failure_has_reason",
                condition=~Q(state="failed") | (~Q(failure_id="") & ~Q(failure_reason="")),
            ),
            models.CheckConstraint(
                name="run_ended_has_time",
                condition=Q(state__in=("queued", "preparing", "running", "evaluating"))
                | Q(ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.number}"

    @property
    def folder(self) -> Path:
        """Of `run.json`, the checkpoints and the result."""
        return Path(settings.RUNS_DIR) / f"{self.number:04d}"


class RunPoint(models.Model):
    """One point of a run's curves; those with validation answers have an exact match."""

    run = models.ForeignKey(TrainingRun, models.CASCADE, related_name="points")
    step = models.PositiveIntegerField()
    seconds = models.FloatField(help_text="Of training until here.")
    loss = models.FloatField()
    tokens_per_second = models.FloatField()
    exact_match = models.FloatField(null=True, blank=True)
    hallucination = models.FloatField(null=True, blank=True)
    answers = models.JSONField(
        default=list, help_text='Some of the validation: [{"question", "expected", "answer"}]'
    )

    class Meta:
        ordering = ("run", "step")
        constraints = [
            models.UniqueConstraint(fields=["run", "step"], name="run_point_unique"),
        ]


class Evaluation(models.Model):
    """How one system answered the frozen questions of a run."""

    class System(models.TextChoices):
        TUNED = "tuned", "Tuned model"
        RAG = "rag", "Current passages"
        SERVING = "serving", "The model that serves"

    run = models.ForeignKey(TrainingRun, models.CASCADE, related_name="evaluations")
    system = models.CharField(max_length=10, choices=System)
    model_name = models.CharField(max_length=100, blank=True)
    metrics = models.JSONField(
        default=dict, help_text='{slice: {"n", "exact_match", "token_f1", …, "ci95"}}'
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "system"], name="evaluation_unique"),
        ]


class EvaluationItemQuerySet(models.QuerySet["EvaluationItem"]):
    def readable_by(self, user: Reader) -> Self:
        """Those on documents that `user` may read; one without a document is read by whoever may
        read all collections of its run."""
        readable = Collection.objects.readable_by(user)
        closed = TrainingRun.collections.through.objects.exclude(collection__in=readable)
        return self.filter(
            Q(document__collection__in=readable)
            | (Q(document=None) & ~Q(evaluation__run__in=closed.values("trainingrun")))
        )


class EvaluationItem(models.Model):
    """One question of an evaluation. It is read by whoever may read its document."""

    class Kind(models.TextChoices):
        RECALL = "recall", "Unseen phrasing of a taught fact"
        REFUSAL = "refusal", "Nothing documented"

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="items")
    number = models.PositiveIntegerField(help_text="The same question has the same number.")
    document = models.ForeignKey(Document, models.CASCADE, null=True, blank=True, related_name="+")
    fact_id = models.CharField(max_length=HASH, blank=True)
    kind = models.CharField(max_length=10, choices=Kind)
    domain = models.CharField(max_length=100, help_text="Slug of the collection.")
    question = models.TextField()
    expected = models.JSONField(default=list, help_text="Right answers; none: refuse.")
    answer = models.TextField()
    correct = models.BooleanField()
    token_f1 = models.FloatField()
    refused = models.BooleanField()
    shown = models.BooleanField(
        null=True, help_text="Whether the check of answers lets it pass; null: not looked at."
    )
    ms = models.FloatField()

    objects = EvaluationItemQuerySet.as_manager()

    class Meta:
        ordering = ("evaluation", "number")
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "number"], name="evaluation_item_unique"),
        ]


class AuditedErrorQuerySet(models.QuerySet["AuditedError"]):
    def current(self) -> Self:
        """Those that tell of today: of the models that serve, and of recent feedback."""
        return self.filter(
            Q(item__evaluation__run__model__stage=ModelVersion.Stage.SERVING)
            | Q(feedback__given_at__gte=timezone.now() - AuditedError.RECENT)
        )

    def readable_by(self, user: Reader) -> Self:
        """Those of which `user` may read everything: an evaluation's question, or the passages
        that an asker was shown and all that the answering model was taught."""
        readable = Collection.objects.readable_by(user)
        shown = Citation.objects.filter(answer=OuterRef("feedback__answer"))
        taught = ModelVersion.collections.through.objects.filter(
            modelversion__name=OuterRef("feedback__answer__model")
        )
        return self.filter(
            Q(item__in=EvaluationItem.objects.readable_by(user))
            | Q(
                ~Exists(shown.exclude(chunk__version__document__collection__in=readable)),
                ~Exists(taught.exclude(collection__in=readable)),
                feedback__isnull=False,
                collection__in=readable,
            )
        )


class AuditedError(models.Model):
    """A wrong answer of an evaluation, or one that its asker did not find helpful: the step that
    went wrong, by where the passage with the right answer stood among those found."""

    class Bucket(models.TextChoices):
        RETRIEVAL = "retrieval", "Not found"
        RANKING = "ranking", "Found, but too low"
        MODEL = "model", "Read, and still wrong"
        UNSORTED = "unsorted", "Not sorted"

    class Unsorted(models.TextChoices):
        NO_CORRECTION = "no-correction", "the asker gave no right answer"
        NOT_SAID = "not-said", "no current passage says the right answer"
        CHANGED = "changed", "the passage has changed since"
        NO_READER = "no-reader", "nobody may read just what its readers may"

    RECENT = timedelta(days=90)

    item = models.OneToOneField(
        EvaluationItem, models.CASCADE, null=True, blank=True, related_name="+"
    )
    feedback = models.OneToOneField(
        Feedback, models.CASCADE, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField(help_text="When it was found to be wrong.")
    collection = models.ForeignKey(
        Collection, models.CASCADE, null=True, blank=True, related_name="+"
    )
    bucket = models.CharField(max_length=10, choices=Bucket)
    unsorted = models.CharField(
        max_length=15, choices=Unsorted, blank=True, help_text="Why it is not sorted."
    )
    chunk = models.ForeignKey(
        Chunk,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="That holds the right answer. None for what is documented nowhere.",
    )
    rank = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Of the passage, from 1. None: it was not found."
    )
    audited_at = models.DateTimeField(auto_now=True)

    objects = AuditedErrorQuerySet.as_manager()

    class Meta:
        ordering = ("-at", "-pk")
        constraints = [
            models.CheckConstraint(
                name="audited_error_one_source",
                condition=Q(item__isnull=True, feedback__isnull=False)
                | Q(item__isnull=False, feedback__isnull=True),
            ),
            models.CheckConstraint(
                name="audited_error_unsorted_has_reason",
                condition=Q(bucket="unsorted", chunk__isnull=True) & ~Q(unsorted="")
                | ~Q(bucket="unsorted") & Q(unsorted=""),
            ),
            models.CheckConstraint(
                name="audited_error_rank_fits_bucket",
                condition=Q(bucket__in=("retrieval", "unsorted"), rank__isnull=True)
                | Q(bucket__in=("ranking", "model"), rank__gte=1)
                | Q(bucket="model", rank__isnull=True, chunk__isnull=True),
            ),
            models.CheckConstraint(
                name="audited_error_sorted_by_passage",
                condition=Q(bucket__in=("model", "unsorted")) | Q(chunk__isnull=False),
            ),
            models.CheckConstraint(
                name="audited_error_rank_of_passage",
                condition=Q(rank__isnull=True) | Q(chunk__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item or self.feedback}: {self.bucket}"


class RetrainPolicy(models.Model):
    """When a retrain starts by itself. A single row."""

    enabled = models.BooleanField(default=False)
    every_hours = models.PositiveIntegerField(default=24, help_text="At most this often.")
    least_new_facts = models.PositiveIntegerField(default=20)
    least_stale_share = models.FloatField(
        default=0.1, help_text="Of the serving model's passages; either threshold is enough."
    )
    promote_when_passed = models.BooleanField(default=False)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="retrain_policy_single", condition=Q(pk=1)),
            models.CheckConstraint(
                name="retrain_policy_share",
                condition=Q(least_stale_share__gt=0, least_stale_share__lte=1),
            ),
        ]
