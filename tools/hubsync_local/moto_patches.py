"""moto's server, faster and safe under concurrency. Usage: python moto_patches.py PORT.

Observed with moto 5.2.5, and mended here:

- Every SQS call counts the queue three times over and reads the clock once per message, so that a
  backlog of 5,000 messages makes a call of ten take 0.3 to 0.9 s. Here: one clock reading a call.
- Deleting a message replaces the queue's list by a copy, and a message sent meanwhile is lost; two
  receives at once give out the same message twice. Here: both hold the queue's own lock.
- A long poll sees a delayed or returned message up to a second late. Here: within LOOK_SECONDS.
- A transaction deep-copies the whole table once per action, 20 s for 100 updates of 20,000 items,
  and a cancelled one puts the copy back, over what others wrote meanwhile. Here: snapshots share
  their items, an update copies the item it changes, and calls on items take turns.
"""

import copy
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.server import main
from moto.sqs.models import Message, Queue, SQSBackend

LOOK_SECONDS = 0.2

type Method = Callable[..., Any]  # moto's own signatures, passed through
type Rule = Callable[[Message, float], bool]


def apply() -> None:
    _patch_queues()
    _patch_tables()


def _patch_queues() -> None:
    ready = _selecting(lambda m, now: m.visible_at <= now and m.delayed_until <= now)
    delayed = _selecting(lambda m, now: m.delayed_until > now)
    hidden = _selecting(lambda m, now: m.visible_at > now)
    counted = "approximate_number_of_messages"
    properties = {
        "messages": property(ready),
        counted: _counting(ready),
        f"{counted}_delayed": _counting(delayed),
        f"{counted}_not_visible": _counting(hidden),
    }
    for name, replacement in properties.items():
        setattr(Queue, name, replacement)
    _wrap(Queue, "delete_message", _with_queue_lock)
    _wrap(SQSBackend, "receive_message", _polling)


def _selecting(rule: Rule) -> Callable[[Queue], list[Message]]:
    def select(queue: Queue) -> list[Message]:
        now = time.time() * 1000
        return [message for message in queue._messages if rule(message, now)]  # noqa: SLF001 - a patch

    return select


def _counting(select: Callable[[Queue], list[Message]]) -> property:
    return property(lambda queue: len(select(queue)))


def _with_queue_lock(method: Method) -> Method:
    def locked(queue: Queue, *args: object) -> object:
        with queue._messages_lock:  # noqa: SLF001 - a patch
            return method(queue, *args)

    return locked


def _polling(receive: Method) -> Method:
    def poll(  # noqa: PLR0917 - moto's own signature
        backend: SQSBackend,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        deadline = time.monotonic() + wait_seconds_timeout
        lock = backend.get_queue(queue_name)._messages_lock  # noqa: SLF001 - a patch
        with lock:
            while True:
                found: list[Message] = receive(
                    backend, queue_name, count, 0, visibility_timeout, message_attribute_names
                )
                left = deadline - time.monotonic()
                if found or left <= 0:
                    return found
                lock.wait(min(left, LOOK_SECONDS))

    return poll


def _patch_tables() -> None:
    in_turn = _taking_turns(threading.RLock())
    setattr(Table, "__deepcopy__", _snapshot)  # noqa: B010 - it has none to assign to
    _wrap(DynamoDBBackend, "update_item", _copying_update)
    for name in ("get_item", "put_item", "update_item", "delete_item", "transact_write_items"):
        _wrap(DynamoDBBackend, name, in_turn)


def _wrap(owner: type, name: str, wrap: Callable[[Method], Method]) -> None:
    setattr(owner, name, wrap(getattr(owner, name)))


def _snapshot(table: Table, _memo: dict[int, object]) -> Table:
    clone = copy.copy(table)
    clone.items = copy.copy(table.items)
    if table.has_range_key:
        for hash_key, by_range in table.items.items():
            clone.items[hash_key] = copy.copy(by_range)
    return clone


def _copying_update(update: Method) -> Method:
    def copy_and_update(
        backend: DynamoDBBackend,
        table_name: str,
        key: dict[str, Any],
        *args: object,
        **kwargs: object,
    ) -> object:
        item = backend.get_item(table_name, key)
        if item is not None:
            items: dict[Any, Any] = backend.tables[table_name].items
            if item.range_key is None:
                items[item.hash_key] = copy.deepcopy(item)
            else:
                items[item.hash_key][item.range_key] = copy.deepcopy(item)
        return update(backend, table_name, key, *args, **kwargs)

    return copy_and_update


def _taking_turns(lock: threading.RLock) -> Callable[[Method], Method]:
    def wrap(method: Method) -> Method:
        def call(*args: object, **kwargs: object) -> object:
            with lock:
                return method(*args, **kwargs)

        return call

    return wrap


if __name__ == "__main__":
    apply()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line per call helps nobody
    main(["-p", sys.argv[1]])
