"""Light, dark, or as the system has it: remembered in a cookie that holds nothing else."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from docportal.views.access import back

THEMES = ("light", "dark")
YEAR = 365 * 24 * 3600


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    response = back(request, "/")
    chosen = request.POST.get("theme", "")
    if chosen in THEMES:
        response.set_cookie("theme", chosen, max_age=YEAR, samesite="Lax", httponly=True)
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response
