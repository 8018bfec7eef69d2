"""What `celery beat` has workers do, every so many seconds or at a time of day."""

from typing import Any

from celery.schedules import crontab

# The row is the job and the message only a poke, so a message lost costs half a minute.
SCHEDULE: dict[str, dict[str, Any]] = {
    "requeue-abandoned-versions": {
        "task": "docportal.pipeline.requeue_abandoned",
        "schedule": 10.0,
    },
    "sync-due-sources": {
        "task": "docportal.syncing.sync_due",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "mine-waiting-versions": {
        "task": "training.tasks.mine_waiting",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "refresh-precedents": {
        "task": "training.tasks.refresh_precedents",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "advance-waiting-runs": {
        "task": "training.tasks.advance_runs",
        "schedule": 10.0,
        # The next one does as well: none waits while a run is under way.
        "options": {"expires": 10.0},
    },
    "retrain-when-due": {
        "task": "training.tasks.retrain_when_due",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "end-bad-trials": {
        "task": "training.tasks.end_bad_trials",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "audit-errors": {
        "task": "training.tasks.audit_errors",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "deliver-webhooks": {
        "task": "docportal.delivering.deliver_due",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    # Reads every stored byte, so when few people ask.
    "check-integrity": {
        "task": "docportal.integrity.check_nightly",
        "schedule": crontab(hour=3, minute=20),
    },
    "remove-ended-sessions": {
        "task": "docportal.sessions.remove_ended",
        "schedule": crontab(hour=3, minute=10),
    },
}
