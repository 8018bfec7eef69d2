"""How people get an account and into it: an administrator makes it, or the company's identity
provider does.

Whoever guesses is told the same of a name that does not exist, of a wrong password and of an
account that was closed.
"""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.signals import password_changed
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from docportal.addresses import client_address
from docportal.models import User
from ingestion.audit import record


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Local sign-up is closed: documentation is internal."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        user: User | None = super().authenticate(request, **credentials)
        return user if user is not None and user.is_active else None

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Only whom the identity provider has let in comes here."""
        message = "This account was closed. An administrator of this portal can open it again."
        context = {"title": "Closed", "message": message}
        return render(request, "error.html", context, status=403)

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request) or "unknown"


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Whom the company's identity provider knows gets an account at the first login."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True


def note_password(user: User, **_: Any) -> None:
    record(user, "changed their password")


def connect() -> None:
    password_changed.connect(note_password)
