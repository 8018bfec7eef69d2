"""How the systems compare: the newest benchmark, or an earlier one, and its answers one by one."""

from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from docportal.benchmark_report import shown
from docportal.views import paging
from docportal.views.access import TRAIN, Request
from docportal.views.typed import numbers
from router.text import storable
from training.benchmark.progress import under_way
from training.models import Benchmark, BenchmarkAnswer, BenchmarkQuestion

PAGE = 50
EARLIER = 10
ORDER = ("number", "pk")


@dataclass(frozen=True, slots=True)
class Line:
    """A question with what each system said in the first run, None where it was not asked."""

    question: BenchmarkQuestion
    answers: list[BenchmarkAnswer | None]


@require_GET
def benchmark(request: Request) -> HttpResponse:
    """Figures for everybody; answers for admins, as far as they may read what they are from."""
    chosen = _chosen(request.GET.get("run", ""))
    context: dict[str, object] = {
        "section": "benchmark",
        "under_way": under_way(),
        "benchmarks": Benchmark.objects.all()[:EARLIER],
    }
    if chosen is not None:
        context |= shown(chosen)
        if request.user.has_perm(TRAIN):
            context |= _answers(request, chosen)
    return render(request, "benchmark.html", context)


def _chosen(number: str) -> Benchmark | None:
    if not number:
        return Benchmark.objects.first()
    found = Benchmark.objects.filter(pk__in=numbers([number])).first()
    if found is None:
        raise Http404
    return found


def _answers(request: Request, chosen: Benchmark) -> dict[str, object]:
    allowed = chosen.questions_for(request.user)
    fitting = _fitting(allowed, request.GET.get("kind", ""), request.GET.get("wrong", ""))
    page = paging.page(fitting, ORDER, request.GET.get("after", ""), PAGE)
    systems = list(chosen.report["systems"])
    return {
        "answers_shown": True,
        "hidden": chosen.questions.count() - allowed.count(),
        "left": fitting.count(),
        "lines": [_line(question, systems) for question in page.rows],
        "following": page.following,
    }


def _fitting(
    questions: QuerySet[BenchmarkQuestion], kind: str, wrong: str
) -> QuerySet[BenchmarkQuestion]:
    """`wrong` names a system that did not answer as it should in the first run."""
    first = BenchmarkAnswer.objects.filter(run=1).order_by("system")
    questions = questions.prefetch_related(Prefetch("given", first, to_attr="first_run"))
    if kind:
        questions = questions.filter(kind=storable(kind))
    if wrong:
        questions = questions.filter(
            given__system=storable(wrong), given__run=1, given__correct=False
        )
    return questions


def _line(question: BenchmarkQuestion, systems: list[str]) -> Line:
    first: list[BenchmarkAnswer] = question.first_run  # type: ignore[attr-defined]
    by_system = {answer.system: answer for answer in first}
    return Line(question, [by_system.get(system) for system in systems])
