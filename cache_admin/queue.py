"""Handing work to the workers."""

from __future__ import annotations

import logging
from functools import lru_cache, partial

from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 2.0
_CONNECT_TIMEOUT_SECONDS = 0.5


def enqueue(task: str, *ids: int) -> None:
    """Have a worker run `task` once the transaction has committed.

    When Redis is away the task is not sent, which is logged: whoever enqueues sees to it that a
    scheduled task finds what was left lying.
    """
    transaction.on_commit(partial(_send, task, ids), robust=True)


def _send(task: str, ids: tuple[int, ...]) -> None:
    try:
        _sender(settings.CELERY_BROKER_URL).send_task(task, args=ids, retry=False)
    except OperationalError as error:
        logger.warning("task.not_sent task=%s reason=%s", task, error)


@lru_cache(maxsize=4)
def _sender(url: str) -> Celery:
    """An app that only sends. Its short timeouts keep a save from hanging."""
    app = Celery("reprise-sender", broker=url, set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.broker_transport_options = {
        **app.conf.broker_transport_options,
        "socket_timeout": _TIMEOUT_SECONDS,
        "socket_connect_timeout": _CONNECT_TIMEOUT_SECONDS,
        # Else it waits 6 seconds between tries to connect. One more covers a restart of Redis.
        "max_retries": 1,
        "interval_start": 0,
    }
    return app
