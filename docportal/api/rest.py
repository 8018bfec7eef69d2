"""The REST API at `/api/v1/`, described by itself at `/api/v1/docs`."""

from csp.decorators import csp_update
from ninja import NinjaAPI, Swagger

from docportal.api import answers, benchmarks, documents, pairs, sources, training
from docportal.api.access import needs
from docportal.api.errors import tell

api = NinjaAPI(
    title="docportal",
    version="1",
    description="Answers from a company's documents, with their source. See docs/api.md.",
    urls_namespace="api",
    auth=needs("read"),
    # Nothing is asked of another host, as the validator would be.
    docs=Swagger(settings={"validatorUrl": None}),
    # The stylesheet of Swagger UI holds its arrows as data.
    docs_decorator=csp_update({"img-src": ["data:"]}),
)
tell(api)
for part in (documents, sources, answers, benchmarks, pairs, training):
    api.add_router("", part.router)
