"""Who may see and do what on a page: strangers find nothing (404), readers may not write (403)."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import reswap, retarget
from django_htmx.middleware import HtmxDetails

from docportal.login import page_before
from docportal.models import User
from ingestion.errors import UserError
from ingestion.models import Collection, Document, DocumentVersion
from router.text import storable

P = ParamSpec("P")

WRITE = "ingestion.add_documentversion"
REVIEW = "training.change_qapair"
EDIT_COLLECTIONS = "ingestion.change_collection"
TRAIN = "training.add_trainingrun"
SET_POLICY = "training.change_retrainpolicy"
PROMOTE = "router.change_modelversion"
OPERATE = "docportal.add_integritycheck"


class Request(HttpRequest):
    """A request behind the login, which every page but the public ones is."""

    user: User
    htmx: HtmxDetails


async def current_user(request: HttpRequest) -> User:
    """`Request.user` for asynchronous views."""
    user = await request.auser()
    if not isinstance(user, User):
        raise PermissionDenied
    return user


def readable_document(user: User, slug: str) -> Document:
    documents = Document.objects.readable_by(user).select_related("collection", "owner")
    return get_object_or_404(documents, slug=_named(slug))


def readable_version(user: User, slug: str, number: int) -> DocumentVersion:
    versions = DocumentVersion.objects.readable_by(user)
    return get_object_or_404(
        versions.select_related("document__collection", "author"),
        document__slug=_named(slug),
        number=number,
    )


def readable_collection(user: User, slug: str) -> Collection:
    return get_object_or_404(Collection.objects.readable_by(user), slug=_named(slug))


def _named(slug: str) -> str:
    """What no database takes names nothing. Raises `Http404`."""
    if slug != storable(slug):
        raise Http404
    return slug


def require(user: User, permission: str) -> None:
    if not user.has_perm(permission):
        raise PermissionDenied


def tells_user_errors(
    view: Callable[Concatenate[Request, P], HttpResponse],
) -> Callable[Concatenate[Request, P], HttpResponse]:
    """Shows a `UserError` as a page (or as a notice on the page, to htmx) that says what to do."""

    @wraps(view)
    def wrapped(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except UserError as error:
            return refused(request, error)

    return wrapped


def refused(request: HttpRequest, error: UserError) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return notice(request, str(error), status=400)
    before = page_before(request)
    context = {"title": "That did not work", "message": error, "before": before}
    return render(request, "error.html", context, status=400)


def notice(request: HttpRequest, message: str, *, status: int) -> HttpResponse:
    """For htmx, which leaves the page as it is and shows the notice above it."""
    shown = render(request, "error.html#notice", {"message": message}, status=status)
    return reswap(retarget(shown, "#notices"), "innerHTML")


def back(request: HttpRequest, otherwise: str) -> HttpResponse:
    """To the address of ours that the form names as `next`, or else to `otherwise`."""
    named = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(named, {request.get_host()}, request.is_secure())
    return HttpResponseRedirect(named if is_ours else otherwise)
