"""Pages that stay open while others change what they show."""

import re
from html import unescape

from django.test import Client


def kept(client: Client, address: str) -> dict[str, str]:
    """The hidden fields of a page's forms, which a tab that stays open sends later."""
    page = unescape(client.get(address).content.decode())
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: value for name, value in fields if name != "csrfmiddlewaretoken"}
