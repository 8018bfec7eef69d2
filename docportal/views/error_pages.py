"""The pages of 400, 403, 404 and 500, none of which leaves a connection to the database open.

Django makes them in a thread of the event loop that is not the request's. Who asks is read from the
database there, for the page's head, and the end of the request gives back the connection of the
request's own thread only: on PostgreSQL a handful of such pages would keep the whole pool.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from django.db import connection
from django.http import HttpResponse
from django.views import defaults

P = ParamSpec("P")


def _giving_back(page: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    @wraps(page)
    def made(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return page(*args, **kwargs)
        finally:
            if not connection.in_atomic_block:
                connection.close()

    return made


bad_request = _giving_back(defaults.bad_request)
permission_denied = _giving_back(defaults.permission_denied)
page_not_found = _giving_back(defaults.page_not_found)
server_error = _giving_back(defaults.server_error)
