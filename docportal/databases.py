"""How a database is opened, where that is more than its address."""

# WAL lets readers go on while one process writes; IMMEDIATE takes the write lock at BEGIN,
# where SQLite waits for it, and not in the middle, where it fails at once.
SQLITE_OPTIONS = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}
