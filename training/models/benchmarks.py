"""Benchmarks that were run, with every answer."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from ingestion.models import Collection, Reader


class Benchmark(models.Model):
    """Systems measured on one file of questions. Its figures tell nothing of a document."""

    name = models.CharField(max_length=200)
    asked_as = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="With whose rights. None: somebody in no group.",
    )
    collections = models.JSONField(
        default=list, help_text="Ids of those that the asker could read: answers may be from them."
    )
    report = models.JSONField(help_text="See `training.benchmark.report`.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return f"benchmark {self.name}"

    def questions_for(self, user: Reader) -> models.QuerySet["BenchmarkQuestion"]:
        """Those that `user` may see with all answers to them.

        None, unless `user` may read all that the asker could. The file may also hold questions on
        documents that its asker could not read; so to whoever may not read every collection, those
        with an answer that no passage held are left out.
        """
        readable = set(Collection.objects.readable_by(user).values_list("pk", flat=True))
        if not set(self.collections) <= readable:
            return self.questions.none()
        if Collection.objects.exclude(pk__in=readable).exists():
            return self.questions.filter(Q(answers=[]) | Q(shown=True))
        return self.questions.all()


class BenchmarkQuestion(models.Model):
    """One question, and what the passages found for it told."""

    benchmark = models.ForeignKey(Benchmark, models.CASCADE, related_name="questions")
    number = models.PositiveIntegerField(help_text="Its place in the file, from 0.")
    given_id = models.TextField()
    query = models.TextField()
    answers = models.JSONField(default=list, help_text="Right ones; none: refuse.")
    kind = models.TextField()
    covered = models.BooleanField(help_text="The tuned model was trained on the best passage.")
    shown = models.BooleanField(help_text="A passage found holds a right answer.")

    class Meta:
        ordering = ("benchmark", "number")
        constraints = [
            models.UniqueConstraint(
                fields=["benchmark", "number"], name="benchmark_question_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.query[:80]


class BenchmarkAnswer(models.Model):
    """What one system said to a question in one run, and what that is worth."""

    question = models.ForeignKey(BenchmarkQuestion, models.CASCADE, related_name="given")
    system = models.CharField(max_length=20)
    run = models.PositiveSmallIntegerField()
    text = models.TextField()
    route = models.CharField(max_length=10)
    verified = models.BooleanField()
    reason = models.TextField(blank=True)
    model = models.CharField(max_length=100, blank=True)
    ms = models.FloatField()
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    correct = models.BooleanField()
    refused = models.BooleanField()
    stale = models.BooleanField(help_text="It gives the superseded value.")

    class Meta:
        ordering = ("question", "system", "run")
        constraints = [
            models.UniqueConstraint(
                fields=["question", "system", "run"], name="benchmark_answer_unique"
            ),
        ]
