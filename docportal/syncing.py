"""Sources of documents in the background: by schedule, and when somebody asks."""

from celery import shared_task

from ingestion.sources import jobs
from ingestion.sources.git import forget_mirrors
from ingestion.sources.syncing import sync


@shared_task
def sync_source(source_id: int) -> None:
    """Twice does no harm: the second finds nothing to do."""
    sync(source_id)


@shared_task
def sync_due() -> None:
    """Poke for every source whose time has come, and for those whose worker was lost."""
    forget_mirrors(kept=jobs.with_mirror())
    for source_id in jobs.due():
        sync_source.delay(source_id)
