"""Who calls: the person of a token, or of a session. Both do no more than that person may.

A token needs the scope of what is called. A session needs the token against forged requests, as a
browser sends its cookie along with any of them.
"""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from ninja.security import HttpBearer, SessionAuth

from docportal.admission import requests
from docportal.models import ApiToken, User
from docportal.tokens import token_of

# One person in all, by several tokens and the browser, to one token.
PERSON = 3


class ApiRequest(HttpRequest):
    """A request behind `needs`."""

    auth: User


class MissingScope(Exception):
    """A valid token that was not made for this."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This token lacks the scope {scope}. Make one that has it.")


class TooOften(Exception):
    """More requests than may be; `seconds` until the next one may come."""

    def __init__(self, seconds: float) -> None:
        super().__init__("Too many requests. Wait as long as Retry-After says.")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Caller:
    user: User
    token: ApiToken

    def needs(self, scope: str) -> None:
        """Raises `MissingScope`."""
        if not self.token.allows(scope):
            raise MissingScope(scope)


def caller_of(secret: str) -> Caller | None:
    """Raises `TooOften`."""
    token = token_of(secret)
    if token is None:
        return None
    _count(f"token {token.pk}", token.user)
    return Caller(token.user, token)


def bearer(request: HttpRequest) -> str:
    """The secret that the request bears, empty without one."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _count(key: str, user: User) -> None:
    for counted, times in ((key, 1), (f"person {user.pk}", PERSON)):
        if settings.API_RATE > 0:
            seconds = requests.wait(counted, per_minute=times * settings.API_RATE)
            if seconds:
                raise TooOften(seconds)


class Token(HttpBearer):
    """A token with the given scope."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        caller = caller_of(token)
        if caller is None:
            return None
        caller.needs(self.scope)
        request.user = caller.user
        return caller.user


class Session(SessionAuth):
    """The browser of somebody logged in, of whom no token was sent."""

    def __call__(self, request: HttpRequest) -> User | None:
        if "Authorization" in request.headers or not request.user.is_authenticated:
            return None
        user: User | None = super().__call__(request)
        return user

    def authenticate(self, request: HttpRequest, key: str | None) -> User | None:
        user = request.user
        if not isinstance(user, User):
            return None
        _count(f"session {user.pk}", user)
        return user


def needs(scope: str) -> list[Token | Session]:
    """For `auth` of an operation."""
    return [Token(scope), Session()]
