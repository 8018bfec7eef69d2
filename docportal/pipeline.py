"""The whole way of one upload, on one page: parse → index → serve.

Nothing here keeps state: whatever a step has reached stands in the version's row, and any
process may be killed between any two lines. The sweep finds what was left lying.
"""

import logging

from celery import shared_task
from celery.signals import worker_ready

from ingestion import jobs, tracing
from ingestion.chunking import chunk
from ingestion.errors import ParseError, UserError
from ingestion.leases import LeaseLost
from ingestion.models import DocumentVersion
from ingestion.paths import title_of
from ingestion.pokes import poke
from ingestion.sandbox import parse_safely
from ingestion.sniffing import media_type_of
from ingestion.storage import original_path
from ingestion.tokens import count_tokens
from router import retrieval
from router.retrieval.embeddings import EmbeddingsUnavailable

logger = logging.getLogger(__name__)


@shared_task
def process_version(version_id: int) -> None:
    """Make one version searchable and bring this machine's index up to date.

    Its pairs are a task of their own, which comes when those that wait to be searchable are done.
    A message that comes twice finds nothing to do.
    """
    if process(version_id):
        retrieval.refresh()
        poke("training.tasks.mine_version", version_id)


@shared_task(expires=jobs.SWEEP_EXPIRES.total_seconds())
def requeue_abandoned() -> None:
    """Poke again for every version whose message or worker was lost."""
    for version_id in jobs.take_abandoned():
        process_version.delay(version_id)


@shared_task(autoretry_for=(EmbeddingsUnavailable,), max_retries=None, default_retry_delay=30)
def embed_served() -> None:
    """Take all that is served to the embedding model of the settings, if that is another now."""
    if retrieval.embed_served():
        retrieval.rebuild()


@worker_ready.connect
def sweep_at_start(**_: object) -> None:
    """A worker that starts after a crash need not wait for the schedule; settings change then."""
    requeue_abandoned.delay()
    embed_served.delay()


def process(version_id: int) -> bool:
    """Claim the version and take it as far as it goes; False, and nothing is done, if it is
    finished or somebody else has it.

    When a service is away the version waits where it is, for the next sweep.
    """
    job = jobs.claim(version_id)
    if job is None:
        return False
    with tracing.span("document", version=version_id), jobs.lease_kept(job):
        try:
            if job.version.state == DocumentVersion.State.PARSING:
                parse(job)
            with tracing.span("embed"):
                retrieval.index_version(job.version)
            with tracing.span("publish"):
                jobs.finish(job)
        except UserError as error:
            jobs.fail(job, error.id, str(error))
            tracing.note(failure=error.id)
        except EmbeddingsUnavailable:
            logger.warning("The embedding server does not answer; %s waits.", job.version)
            jobs.put_back(job)
        except LeaseLost:
            logger.warning("%s was taken over by another worker.", job.version)
    return True


def parse(job: jobs.Claim) -> None:
    """Make chunks of the claimed version's file and store them. Raises `UserError`."""
    path = original_path(job.version.sha256)
    media_type = media_type_of(job.version.document.path, path)
    with tracing.span("parse", media_type=media_type, bytes=job.version.size):
        parsed = parse_safely(path, media_type)
    with tracing.span("chunk"):
        drafts = chunk(parsed, count_tokens=count_tokens)
        tracing.note(passages=len(drafts))
    if not drafts:
        raise ParseError("no-text", "There is no text in this file. Upload one with text.")
    title = parsed.title or title_of(job.version.document.path)
    jobs.save_chunks(job, title, drafts)
