"""How the portal itself is, for admins: what waits, who works, what runs, what disagrees.

It names no document: an admin may not read every one.
"""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from docportal import condition, integrity, lockout
from docportal.views.access import OPERATE, Request, require
from ingestion.models import AuditEvent

SHOWN_PROBLEMS = 200
SHOWN_REPAIRS = 20
SHOWN_LOCKOUTS = 50
LITTLE_ROOM = 0.1


@require_GET
def operations(request: Request) -> HttpResponse:
    require(request.user, OPERATE)
    check, queues = condition.last_check(), condition.queues()
    repairs = AuditEvent.objects.filter(verb=integrity.REPAIRED, document=None, collection=None)
    context = {
        "section": "operations",
        "queues": queues,
        "nobody_works": not all(queue.workers for queue in queues),
        "workers": [(one, condition.is_alive(one)) for one in condition.workers()],
        "servers": condition.servers(),
        "lockouts": lockout.lockouts()[:SHOWN_LOCKOUTS],
        "index": condition.index(),
        "disks": condition.disks(),
        "little_room": LITTLE_ROOM,
        "check": check,
        "problems": check.problems[:SHOWN_PROBLEMS] if check else [],
        "more_problems": max(len(check.problems) - SHOWN_PROBLEMS, 0) if check else 0,
        "pending": integrity.pending(),
        "repairs": repairs[:SHOWN_REPAIRS],
    }
    return render(request, "operations.html", context)


@require_POST
def check(request: Request) -> HttpResponse:
    """Have a worker look now; one look at a time."""
    require(request.user, OPERATE)
    if integrity.pending():
        messages.info(request, "A check is under way already.")
    else:
        integrity.request_check(by=request.user)
        messages.success(request, "A worker checks now. Load this page again in a while.")
    return redirect("operations")


@require_POST
def let_in(request: Request) -> HttpResponse:
    """A name that is locked out may be tried again at once."""
    require(request.user, OPERATE)
    name = request.POST.get("name", "")
    if lockout.let_in(name=name, by=request.user):
        messages.success(request, f"{name} may log in again.")
    else:
        messages.info(request, "That lock has ended already.")
    return redirect("operations")
