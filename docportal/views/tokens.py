"""One's own tokens: what they may do, when they were used last, their end."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from docportal.models import ApiToken
from docportal.tokens import NewToken, create_token, revoke_token
from docportal.views.access import Request
from docportal.views.forms import TokenForm
from ingestion.errors import UserError


@never_cache
@require_http_methods(["GET", "POST"])
def tokens(request: Request) -> HttpResponse:
    """A POST makes one and shows its secret, which no later page can."""
    form = TokenForm(request.POST or None)
    made = _made(request, form) if request.method == "POST" and form.is_valid() else None
    context = {
        "section": "tokens",
        "tokens": ApiToken.objects.filter(user=request.user),
        "made": made,
        "form": form if made is None else TokenForm(),
    }
    return render(request, "tokens.html", context, status=400 if form.errors else 200)


def _made(request: Request, form: TokenForm) -> NewToken | None:
    try:
        return create_token(user=request.user, by=request.user, **form.cleaned_data)
    except UserError as error:
        form.add_error(None, str(error))
        return None


@require_POST
def revoke(request: Request, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, user=request.user, pk=pk)
    revoke_token(token=token, by=request.user)
    messages.success(request, f"Revoked: {token.name}. Nothing can be done with it any more.")
    return redirect("tokens")
