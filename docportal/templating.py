"""Django's templates, whose values go as soon as a page is made."""

from typing import Any

from django.http import HttpRequest
from django.template.backends.django import DjangoTemplates, Template
from django.template.context import make_context
from django.utils.safestring import SafeString


class Templates(DjangoTemplates):
    def get_template(self, template_name: str) -> Template:
        return _Template(super().get_template(template_name).template, self)


class _Template(Template):
    """Each layer of a context refers to the context again. In that circle the request and all rows
    of the page would stay until Python looks for garbage (docportal/asgi.py)."""

    def render(
        self, context: dict[str, Any] | None = None, request: HttpRequest | None = None
    ) -> SafeString:
        made = make_context(context, request, autoescape=self.backend.engine.autoescape)
        try:
            return self.template.render(made)
        finally:
            made.dicts.clear()
