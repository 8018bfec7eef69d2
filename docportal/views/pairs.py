"""Review: one pair at a time beside its passage, many at once from a list, and how far it is."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import replace_url

from docportal.models import User
from docportal.views import paging
from docportal.views.access import REVIEW, Request, require, tells_user_errors
from docportal.views.forms import PairForm
from docportal.views.pair_filters import BACKWARDS, ORDER, STATES, Filters
from docportal.views.pair_progress import progress
from docportal.views.pair_sources import nearest, source
from docportal.views.typed import numbers
from ingestion.errors import UserError
from ingestion.models import Collection, Document
from ingestion.seen import digest
from training import review
from training.conflicts import contradicts, rivals
from training.models import PairQuerySet, QAPair

PAGE = 50
NAMED = 3
"""So many pairs that could not be approved are named; the others are counted."""
VERDICTS: dict[str, Callable[..., review.Reviewed]] = {
    "approve": review.approve,
    "reject": review.reject,
}


@require_GET
def pairs(request: Request) -> HttpResponse:
    """The first pair that fits the filters; `?view=list` all of them, `?view=progress` counts."""
    require(request.user, REVIEW)
    filters = Filters.read(request.GET.dict())
    view = request.GET.get("view", "")
    after = request.GET.get("after", "")
    if view == "list":
        rows = filters.pairs(request.user).select_related("document", "reviewed_by")
        among = QAPair.objects.readable_by(request.user)
        page = paging.page(rows, ORDER, after, PAGE, among)
        listed = [(row, review.seen(row)) for row in page.rows]
        shown: dict[str, object] = {"page": page, "rows": listed}
    elif view == "progress":
        shown = progress(request.user, filters, after)
    else:
        view, shown = "", _one(request, filters, _first(request.user, filters))
    response = _page(request, filters, view, shown)
    return replace_url(response, _address(filters, view)) if request.htmx else response


@require_GET
def pair(request: Request, pk: int) -> HttpResponse:
    shown = _reviewable(request, pk)
    filters = Filters.read(request.GET.dict())
    return _page(request, filters, "", _one(request, filters, shown))


def _page(
    request: Request, filters: Filters, view: str, shown: dict[str, object], status: int = 200
) -> HttpResponse:
    user = request.user
    documents = Document.objects.readable_by(user)
    context = {
        "section": "pairs",
        "view": view,
        "filters": filters,
        "collections": Collection.objects.readable_by(user),
        "document": documents.filter(slug=filters.document).first() if filters.document else None,
        "origins": QAPair.Origin.choices,
        "states": STATES,
        "left": filters.pairs(user).count() if view in ("", "list") else None,
        **shown,
    }
    return render(request, "pairs.html", context, status=status)


def _address(filters: Filters, view: str = "", **more: str) -> str:
    query = urlencode({**({"view": view} if view else {}), **filters.chosen, **more})
    return f"{reverse('pairs')}?{query}" if query else reverse("pairs")


def _readable(user: User) -> PairQuerySet:
    pairs = QAPair.objects.readable_by(user)
    return pairs.select_related("document__collection", "author", "reviewed_by")


def _reviewable(request: Request, pk: int) -> QAPair:
    found = get_object_or_404(_readable(request.user), pk=pk)
    require(request.user, REVIEW)
    return found


# --- One at a time ----------------------------------------------------------------------------


def _one(
    request: Request,
    filters: Filters,
    shown: QAPair | None,
    form: PairForm | None = None,
    error: str = "",
) -> dict[str, object]:
    """A pair with its passage, what contradicts it, and its neighbours among the filtered."""
    last = numbers(request.GET.getlist("last"))
    context: dict[str, object] = {
        "pair": shown,
        "last": _readable(request.user).filter(pk__in=last).first() if last else None,
    }
    if shown is None:
        return context
    passage = source(shown)
    initial = {"question": shown.question, "answer": shown.answer}
    return {
        **context,
        "source": passage,
        "nearest": nearest(shown) if passage is None else [],
        "seen": review.seen(shown),
        "others": [(other, review.seen(other)) for other in _contradicting(shown)],
        "before": _beside(request.user, filters, shown, BACKWARDS),
        "after": _beside(request.user, filters, shown, ORDER),
        "form": form or PairForm(initial=initial),
        "error": error,
    }


def _contradicting(pair: QAPair) -> list[QAPair]:
    others = rivals(pair).select_related("document", "author", "reviewed_by")
    return [other for other in others if contradicts(pair, other)]


def _first(user: User, filters: Filters) -> QAPair | None:
    rows = filters.pairs(user).select_related("document__collection", "author", "reviewed_by")
    return rows.order_by(*ORDER).first()


def _beside(user: User, filters: Filters, pair: QAPair, order: tuple[str, str]) -> int | None:
    """The next pair in that order, also from one that does not fit the filters any more."""
    among = QAPair.objects.readable_by(user)
    rows = paging.page(filters.pairs(user), order, str(pair.pk), 1, among).rows
    return rows[0].pk if rows else None


@require_POST
def review_pair(request: Request, pk: int) -> HttpResponse:
    """Approve, reject or edit one pair, then show the next one that fits the filters."""
    shown = _reviewable(request, pk)
    filters = Filters.read(request.POST.dict())
    after = _beside(request.user, filters, shown, ORDER)
    verdict = request.POST.get("verdict", "")
    form = PairForm(request.POST) if verdict == "edit" else None
    error = _unseen(shown, request.POST.get("seen", ""))
    if not error:
        by = request.user
        error = _edited(shown, form, by) if form else _decided(shown, verdict, by)
    if error:
        again = _one(request, filters, shown, form, error)
        return _page(request, filters, "", again, status=400)
    [following, *_] = [*numbers(request.POST.getlist("back")), after]
    query = urlencode({**filters.chosen, "last": str(pk)})
    address = reverse("pair", args=[following]) if following else reverse("pairs")
    return redirect(f"{address}?{query}")


def _unseen(pair: QAPair, looked_at: str) -> str:
    """Empty, or that it is not any more what the reviewer looked at."""
    try:
        review.require_seen(pair, looked_at)
    except UserError as error:
        return str(error)
    return ""


def _edited(pair: QAPair, form: PairForm, user: User) -> str:
    """Empty, or why not."""
    if not form.is_valid():
        return "Nothing was changed: see below."
    try:
        review.edit(pair, by=user, **form.cleaned_data)
    except UserError as error:
        return str(error)
    return ""


def _decided(pair: QAPair, verdict: str, user: User) -> str:
    """Empty, or why not."""
    if verdict not in VERDICTS:
        return "Choose: approve, edit or reject."
    refused = VERDICTS[verdict]([pair], by=user).refused
    return refused[0][1] if refused else ""


# --- Many at once -----------------------------------------------------------------------------


@require_POST
@tells_user_errors
def review_pairs(request: Request) -> HttpResponse:
    """Approve or reject the chosen pairs, or all that fit; asks first, again if they are others
    or have changed since. Of the chosen, those that changed since they were listed are left."""
    require(request.user, REVIEW)
    filters = Filters.read(request.POST.dict())
    verdict = request.POST.get("verdict", "")
    if verdict not in VERDICTS:
        raise UserError("unknown-verdict", "Choose whether to approve or to reject these pairs.")
    chosen = _chosen(request, filters)
    if not chosen:
        messages.warning(request, "Nothing was chosen. Tick the pairs, or all that match.")
        return redirect(_address(filters, "list"))
    looked_at = _looked_at(request, chosen)
    confirmed = digest(*sorted(looked_at.items()))
    if request.POST.get("confirmed") != confirmed:
        asked = {
            "verdict": verdict,
            "count": len(chosen),
            "confirmed": confirmed,
            "every": "all" in request.POST,
            "chosen": request.POST.getlist("pair"),
            "back": _address(filters, "list"),
        }
        return _page(request, filters, "confirm", asked)
    _tell(request, verdict, VERDICTS[verdict](chosen, by=request.user, looked_at=looked_at))
    return redirect(_address(filters, "list"))


def _chosen(request: Request, filters: Filters) -> list[QAPair]:
    if "all" in request.POST:
        pairs = filters.pairs(request.user)
    else:
        pairs = QAPair.objects.readable_by(request.user).filter(pk__in=_ticked(request))
    return list(pairs.only("review", "key"))


def _ticked(request: Request) -> dict[int, str]:
    """What was listed of each, by its key."""
    ticked = [value.partition(":") for value in request.POST.getlist("pair")[:PAGE]]
    return {pk: seen for name, _, seen in ticked for pk in numbers([name])}


def _looked_at(request: Request, chosen: list[QAPair]) -> dict[int, str]:
    if "all" in request.POST:
        return {pair.pk: review.seen(pair) for pair in chosen}
    ticked = _ticked(request)
    return {pair.pk: ticked[pair.pk] for pair in chosen}


def _tell(request: Request, verdict: str, result: review.Reviewed) -> None:
    done = {"approve": "approved", "reject": "rejected"}[verdict]
    if result.done:
        messages.success(request, f"{result.done} pair{'s' * (result.done > 1)} {done}.")
    for pair, reason in result.refused[:NAMED]:
        messages.warning(request, f"Not {done}: “{pair.question}”. {reason}")
    if (more := len(result.refused) - NAMED) > 0:
        messages.warning(request, f"{more} more were not {done}: they are still in the list.")
