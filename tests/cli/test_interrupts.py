"""Ctrl-C is heard even where what runs swallows it."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from sonmat.cli.interrupts import interruptible

pytestmark = pytest.mark.skipif(os.name != "posix", reason="os.kill ends a process elsewhere")


@pytest.fixture(autouse=True)
def _usual() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_one_that_was_swallowed_is_raised_at_the_next_check() -> None:
    with interruptible() as check:
        check()
        try:
            os.kill(os.getpid(), signal.SIGINT)
            signal.sigtimedwait([], 0.2)
        except KeyboardInterrupt:
            pass  # as Python does in a callback of the garbage collector
        with pytest.raises(KeyboardInterrupt):
            check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_is_raised_at_once_where_nothing_swallows_it() -> None:
    def interrupted() -> None:
        with interruptible():
            os.kill(os.getpid(), signal.SIGINT)
            signal.sigtimedwait([], 5)

    with pytest.raises(KeyboardInterrupt):
        interrupted()


def test_who_is_deaf_stays_deaf() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interruptible() as check:
        os.kill(os.getpid(), signal.SIGINT)
        check()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_another_thread_has_no_say() -> None:
    done = []

    def run() -> None:
        with interruptible() as check:
            check()
            done.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [True]
