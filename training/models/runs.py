"""How a model is made: frozen datasets, the runs on them, and when one starts by itself."""

from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q

from ingestion.models import Collection
from router.models import ModelVersion
from training.models.pairs import HASH


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
    warnings = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-number",)

    def __str__(self) -> str:
        return f"dataset {self.number}"

    @property
    def folder(self) -> Path:
        return Path(settings.DATASETS_DIR) / self.sha256


class TaughtFact(models.Model):
    """A fact that a dataset teaches, by the `fact_id` that its pairs had when it was frozen."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="taught")
    fact_id = models.CharField(max_length=HASH)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["fact_id", "dataset"], name="taught_fact_unique"),
        ]


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
    STOPPED = (State.FAILED, State.CANCELLED)

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
    form = models.UUIDField(
        null=True, unique=True, help_text="The form that asked for it, which starts no other."
    )

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
    left_out = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        help_text='Of its collections, not in the dataset: [{"what", "why", "pairs"}]',
    )
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
