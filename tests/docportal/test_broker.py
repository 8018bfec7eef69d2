"""The embedded broker: what one process reads, another has written to its end."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection
from kombu.transport.filesystem import exchange_queue_t

from docportal.broker import Channel, Transport

QUEUES = [f"queue-{number}" for number in range(8)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Connection]:
    for name in ("messages", "control"):
        (tmp_path / name).mkdir()
    options = {
        "data_folder_in": str(tmp_path / "messages"),
        "data_folder_out": str(tmp_path / "messages"),
        "control_folder": str(tmp_path / "control"),
    }
    with Connection("filesystem://", transport_options=options) as connection:
        yield connection


class Watching:
    """A message that sees, while it is being written, which messages there are to be read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[str] = []

    def __json__(self) -> dict[str, Any]:
        self.seen += [file.name for file in self.folder.glob("*.msg")]
        return {"body": "whole"}


def test_the_portal_uses_it(broker: Connection) -> None:
    assert isinstance(broker.transport, Transport)
    assert isinstance(broker.channel(), Channel)


def test_no_message_is_there_before_it_is_whole(broker: Connection, tmp_path: Path) -> None:
    channel: Any = broker.channel()
    message = Watching(tmp_path / "messages")
    channel._put("celery", message)
    assert message.seen == []
    assert channel._get("celery") == {"body": "whole"}
    assert list((tmp_path / "messages").iterdir()) == []


def test_queues_that_are_bound_at_once_are_all_in_the_table(broker: Connection) -> None:
    channels: list[Any] = [broker.channel() for _ in QUEUES]
    with ThreadPoolExecutor(len(QUEUES)) as pool:
        for number in range(10):
            exchange = f"exchange-{number}"
            bound = [
                pool.submit(channel._queue_bind, exchange, "", "", queue)
                for channel, queue in zip(channels, QUEUES, strict=True)
            ]
            for one in bound:
                one.result()
            assert {one.queue for one in channels[0].get_table(exchange)} == set(QUEUES)


def test_a_queue_is_bound_once_and_gone_when_it_is_deleted(broker: Connection) -> None:
    channel: Any = broker.channel()
    for queue in ("one", "one", "two"):
        channel._queue_bind("exchange", "key", "", queue)
    channel._delete("one", "exchange", "key", "")
    assert channel.get_table("exchange") == [exchange_queue_t("key", "", "two")]
