"""Who is not logged in comes back to a page, and not to an address that has none."""

import pytest
from django.test import Client

LOGIN = "/accounts/login/"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("http://testserver/docs/?sort=title", "/docs/%3Fsort%3Dtitle"),
        ("http://testserver", "/"),
        ("https://elsewhere.example/docs/", "/"),
        ("", "/"),
    ],
)
def test_what_a_form_was_sent_to_is_no_page_to_come_back_to(before: str, after: str) -> None:
    headers = {"Referer": before} if before else {}
    told = Client().post("/docs/upload/", {}, headers=headers)
    assert (told.status_code, told["Location"]) == (302, f"{LOGIN}?next={after}")


def test_page_is_come_back_to() -> None:
    told = Client().get("/docs/?sort=title")
    assert told["Location"] == f"{LOGIN}?next=/docs/%3Fsort%3Dtitle"
