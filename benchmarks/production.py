"""The setup of production under load: PostgreSQL with Redis, beside the embedded default.

Four parts, each of which can be run alone: people who search, read, ask and upload at once; more
who ask than are let in; jobs whose workers are killed; documents by one worker and by two.
"""

import argparse
from collections.abc import Callable, Iterable

from benchmarks import killed_workers, mixed_load, overload, scaling
from benchmarks.backing import Services
from benchmarks.tables import Row, print_table

POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres"
REDIS = "redis://127.0.0.1:6379/13"  # tests have 14 and 15


def parts(options: argparse.Namespace) -> dict[str, Callable[[], Iterable[Row]]]:
    """What measures each part, by its name."""
    services = Services(options.postgres, options.redis)
    plan = mixed_load.Plan(
        users=options.users,
        streams=options.streams,
        documents=options.documents,
        warm_up=options.warm_up,
        seconds=options.seconds,
    )
    return {
        "people": lambda: mixed_load.rows(services, plan),
        "overload": lambda: overload.rows(services, options.overload_seconds),
        "jobs": lambda: killed_workers.rows(services, options.jobs, options.kill_every),
        "workers": lambda: scaling.rows(services, options.queued),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    names = ("people", "overload", "jobs", "workers")
    parser.add_argument("--parts", nargs="+", choices=names, default=names)
    parser.add_argument("--postgres", default=POSTGRES, help="where a database is made and dropped")
    parser.add_argument("--redis", default=REDIS, help="a database of it that is empty")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--streams", type=int, default=100, help="answers held open beside them")
    parser.add_argument("--documents", type=int, default=300, help="of the people's portal")
    parser.add_argument("--warm-up", type=float, default=120, help="seconds in which they arrive")
    parser.add_argument("--seconds", type=float, default=300, help="that are measured then")
    parser.add_argument("--overload-seconds", type=float, default=60)
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--kill-every", type=float, default=20, help="seconds between two kills")
    parser.add_argument("--queued", type=int, default=1000, help="documents that workers bring in")
    options = parser.parse_args()
    measures = parts(options)
    for name in options.parts:
        print_table(f"Production: {name}", list(measures[name]()))


if __name__ == "__main__":
    main()
