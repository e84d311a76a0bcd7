"""One signal asks, a second one ends."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from gan_jax.runtime.signals import stop_on_signal
from tests.launched import outside_nohup


@pytest.mark.parametrize(
    ('number', 'status'),
    [
        (signal.SIGTERM, 143),
        (signal.SIGINT, 130),
        pytest.param(signal.SIGHUP, 129, marks=outside_nohup),
    ],
    ids=['term', 'int', 'hup'],
)
def test_a_signal_is_noted_and_its_status_given(number, status):
    before = signal.getsignal(number)
    with stop_on_signal() as stopped:
        assert stopped() == 0
        os.kill(os.getpid(), number)
        assert stopped() == status
    assert signal.getsignal(number) is before


def run(*lines):
    """(exit status, what it has printed, what it has said) of these lines, under the handlers."""
    script = [
        'import os, signal, sys, time',
        'from gan_jax.runtime import signals',
        'def send(number):',
        '    os.kill(os.getpid(), number)',
        *lines,
    ]
    done = subprocess.run(
        [sys.executable, '-c', '\n'.join(script)], capture_output=True, text=True, timeout=30
    )
    return done.returncode, done.stdout, done.stderr


SAID = 'gan_jax: stopping; a second signal stops at once\n'
NOISY = 'print("still here", flush=True)'


def test_a_second_signal_ends_the_process_at_once():
    twice = ('send(signal.SIGTERM)', NOISY, 'time.sleep(0.6)', 'send(signal.SIGINT)')
    assert run('signals.arm()', *twice, 'time.sleep(60)') == (130, 'still here\n', SAID)
    twice = ('send(signal.SIGINT)', NOISY, 'time.sleep(0.6)', 'send(signal.SIGTERM)')
    inside = ['with signals.stop_on_signal():', *(f'    {line}' for line in twice)]
    assert run(*inside, '    time.sleep(60)') == (143, 'still here\n', SAID)


def test_where_no_command_runs_a_second_ctrl_c_interrupts_python():
    # A notebook's kernel, whose variables are to stay.
    lines = (
        'try:',
        '    with signals.stop_on_signal() as stopped:',
        '        send(signal.SIGINT)',
        '        time.sleep(0.6)',
        '        print(stopped())',
        '        send(signal.SIGINT)',
        '        print("not reached")',
        'except KeyboardInterrupt:',
        '    print("interrupted", signals.received())',
    )
    assert run(*lines) == (0, '130\ninterrupted 0\n', SAID)


def test_outside_the_main_thread_nothing_is_handled():
    before = signal.getsignal(signal.SIGTERM), len(os.listdir('/proc/self/fd'))

    def inside():
        with stop_on_signal() as stopped:
            return stopped(), signal.getsignal(signal.SIGTERM), len(os.listdir('/proc/self/fd'))

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(inside).result() == (0, *before)


def test_a_second_signal_is_answered_while_the_interpreter_waits_in_c_code():
    lines = (
        'import ctypes, threading',
        'signals.arm()',
        'threading.Timer(0.1, send, [signal.SIGINT]).start()',
        'threading.Timer(1.1, send, [signal.SIGINT]).start()',
        # Each signal ends one call.
        ' + '.join(['ctypes.CDLL(None).poll(None, 0, 60000)'] * 3),
    )
    assert run(*lines) == (130, '', SAID)


def test_the_echo_of_a_signal_is_no_second_one():
    # As `timeout` sends it: to a process, and to the group that it is in.
    twice = ('send(signal.SIGTERM)', 'send(signal.SIGTERM)', 'time.sleep(0.2)')
    assert run('signals.arm()', *twice, 'print(signals.received())') == (0, '143\n', SAID)


@outside_nohup
def test_a_terminal_that_closes_may_say_so_again():
    twice = ('send(signal.SIGHUP)', 'time.sleep(0.6)', 'send(signal.SIGHUP)', 'time.sleep(0.2)')
    assert run('signals.arm()', *twice, 'print(signals.received())') == (0, '129\n', SAID)


def test_a_process_of_nohup_outlives_its_terminal():
    lines = ('signal.signal(signal.SIGHUP, signal.SIG_IGN)', 'signals.arm()')
    assert run(*lines, 'send(signal.SIGHUP)', 'print(signals.received())') == (0, '0\n', '')


def test_a_signal_after_the_last_word_changes_no_status():
    lines = ('import atexit', 'signals.arm()', 'class Late:')
    late = ('    def __del__(self):', '        send(signal.SIGTERM)', 'late = Late()')
    assert run(*lines, *late) == (0, '', '')


def test_where_nobody_looks_a_signal_ends_the_process():
    sent, wait = 'send(signal.SIGINT)', 'time.sleep(60)'
    only, every = 'signals.end_at_once(2)', 'signals.end_at_once(*signals.ASKING)'
    assert run('signals.arm()', only, sent, wait)[0] == 130
    # Also one that has come, and been answered, before.
    assert run('signals.arm()', sent, 'time.sleep(0.3)', every, wait)[0] == 130
    others = ('send(signal.SIGTERM)', 'time.sleep(0.3)', NOISY)
    assert run('signals.arm()', only, *others)[:2] == (0, 'still here\n')


def test_inside_interrupting_a_signal_is_an_interrupt_once():
    lines = (
        'signals.arm()',
        'def caught(*numbers):',
        '    try:',
        '        with signals.interrupting():',
        '            for number in numbers: send(number)',
        '    except KeyboardInterrupt:',
        '        return True',
        '    return False',
    )
    assert run(*lines, 'print(caught(), caught(15), caught())')[1] == 'False True True\n'
    # Its echo does not cut short what is done for it.
    echo = (
        'try:',
        '    with signals.interrupting():',
        '        try: send(15)',
        '        finally: send(15); print("cleared")',
        'except KeyboardInterrupt: pass',
    )
    assert run('signals.arm()', *echo)[1] == 'cleared\n'
    assert run(*lines, 'send(2)', 'print(signals.received())')[1] == '130\n'


@pytest.mark.slow
@pytest.mark.parametrize('swallowed', [False, True])
def test_an_interrupted_command_has_its_status_whatever_crashes_at_python_s_end(swallowed):
    """As JAX does that was interrupted while it compiled."""
    status, out, said = run(
        'import atexit, contextlib',
        'from gan_jax.runtime import cli, output',
        'signals.arm()',
        'atexit.register(os.abort)',
        'def main(arguments):',
        f'    with contextlib.suppress(KeyboardInterrupt if {swallowed} else ()):',
        '        send(signal.SIGINT)',
        '        time.sleep(5)',
        '    output.say("the end")',
        'cli.run(main)',
    )
    stopped = 'gan_jax: stopped before the end; the same command begins again\n'
    assert (status, out, said) == (130, 'the end\n' * swallowed, SAID + stopped * (not swallowed))


def test_importing_the_package_installs_no_handlers():
    before = 'before = [signal.getsignal(number) for number in signals.ASKING]'
    modules = 'import gan_jax.train, gan_jax.sweep, gan_jax.runtime.cli, gan_jax.sweeps.runner'
    after = 'print([signal.getsignal(number) for number in signals.ASKING] == before)'
    assert run(before, modules, after)[1] == 'True\n'
