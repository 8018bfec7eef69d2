"""Connections to the database: each thread has one, and on PostgreSQL they are of a pool of few."""

from django.db import connection


def release_connection() -> None:
    """Give this thread's connection back, for whoever waits or streams; the next question to the
    database takes one anew. Within a transaction it stays."""
    if not connection.in_atomic_block:
        connection.close()
