"""What a model can be taught, and how a model was made: pairs, datasets, runs, evaluations.

Three rules hold here without anybody keeping them:

* A pair is **live** while its passage is served: a join on the content hash. An edit elsewhere in
  a document leaves its pairs alone, an edit of their passage retires them, a restored version
  brings them back.
* A pair that is **approved** has its words in a document: the database refuses any other.
* A run is a job: its row is claimed with a fence and a lease, and one run at a time has a device.
"""

from training.models.benchmarks import Benchmark, BenchmarkAnswer, BenchmarkQuestion
from training.models.errors import AuditedError, AuditedErrorQuerySet
from training.models.evaluations import Evaluation, EvaluationItem
from training.models.pairs import MinedVersion, PairQuerySet, QAPair, SynthesisUnit
from training.models.runs import Dataset, RetrainPolicy, RunPoint, TaughtFact, TrainingRun

__all__ = [
    "AuditedError",
    "AuditedErrorQuerySet",
    "Benchmark",
    "BenchmarkAnswer",
    "BenchmarkQuestion",
    "Dataset",
    "Evaluation",
    "EvaluationItem",
    "MinedVersion",
    "PairQuerySet",
    "QAPair",
    "RetrainPolicy",
    "RunPoint",
    "SynthesisUnit",
    "TaughtFact",
    "TrainingRun",
]
