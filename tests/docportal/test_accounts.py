from allauth.account.adapter import get_adapter as account_adapter
from allauth.socialaccount.adapter import get_adapter as social_adapter
from allauth.socialaccount.models import SocialLogin
from django.test import RequestFactory


def test_accounts_come_from_an_administrator_or_the_identity_provider() -> None:
    request = RequestFactory().get("/")
    assert not account_adapter(request).is_open_for_signup(request)
    assert social_adapter(request).is_open_for_signup(request, SocialLogin())
