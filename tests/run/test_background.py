"""Work behind the caller's back: in order, bounded, and no failure lost."""

import threading
from contextlib import closing

import pytest

from gan_jax.run.background import AHEAD, Background

LONG = 60  # seconds, so that a test of what fails to wait ends


@pytest.fixture
def background():
    with closing(Background()) as made:
        yield made


def test_the_caller_goes_on_and_the_work_is_done_in_order(background):
    done, held = [], threading.Event()
    background.submit(lambda: held.wait(LONG))
    for i in range(AHEAD - 1):
        background.submit(lambda i=i: done.append((i, threading.current_thread())))
    assert done == []
    held.set()
    background.drain()
    assert [i for i, _ in done] == list(range(AHEAD - 1))
    assert {thread for _, thread in done}.isdisjoint({threading.current_thread()})


def test_after_a_failure_nothing_is_begun_and_every_call_raises_it(background):
    done, held = [], threading.Event()
    error = OSError(28, 'No space left on device')

    def fail():
        held.wait(LONG)
        raise error

    background.submit(fail)
    background.submit(lambda: done.append('later'))
    background.check()
    held.set()
    for call in (background.drain, background.check, lambda: background.submit(done.append)):
        with pytest.raises(OSError) as caught:
            call()
        assert caught.value is error
    background.close()
    assert done == []


def test_who_submits_too_much_waits(background):
    held, done = threading.Event(), []
    threading.Timer(0.2, held.set).start()
    background.submit(lambda: (held.wait(LONG), done.append(0)))
    for i in range(1, AHEAD):
        background.submit(lambda i=i: done.append(i))
    assert done == []
    background.submit(lambda: None)
    assert done[0] == 0


def test_a_failure_makes_room(background):
    held, ended = threading.Event(), threading.Event()

    def fail():
        held.wait(LONG)
        raise ValueError

    def submit_more():
        with pytest.raises(ValueError):
            for _ in range(2 * AHEAD):
                background.submit(fail)
            background.drain()
        ended.set()

    threading.Thread(target=submit_more, daemon=True).start()
    held.set()
    assert ended.wait(LONG)


def test_closing_waits_for_the_work():
    done, background = [], Background()
    background.submit(lambda: (threading.Event().wait(0.05), done.append('done')))
    background.close()
    assert done == ['done']
