"""A command that is killed, or sent a signal, from inside: python -m tests.faults.bitten BITE ...

BITE is JSON. `below` is a folder, and `at` the file operation below it, counted from 1, that bites:
SIGKILL, or with `bytes` a limit of so many for a file, beyond which the kernel kills. `signal`
comes `seconds` after the program's first line. `count` is a file that is told in the end how many
operations there were. What follows MODULE are its own arguments.
"""

import atexit
import json
import os
import resource
import runpy
import signal
import sys
import threading
from pathlib import Path

CHANGES = {'os.rename', 'os.remove', 'os.mkdir', 'os.rmdir', 'os.truncate', 'shutil.rmtree'}
WRITING = os.O_WRONLY | os.O_RDWR
FIRST_LINE = 'gan_jax.runtime.signals'  # whose import begins the program's part of the process


class Bite:
    """Looks at what Python does with files and imports, and bites."""

    def __init__(self, asked):
        self._asked, self._done, self._timed = asked, 0, False

    def __call__(self, event, arguments):
        if event == 'import':
            if arguments[0] == FIRST_LINE and 'signal' in self._asked:
                self._time()
        elif 'below' in self._asked and self._below(event, arguments):
            self._done += 1
            if self._done == self._asked.get('at'):
                self._kill()

    def tell(self):
        Path(self._asked['count']).write_text(str(self._done))

    def _kill(self):
        if 'bytes' not in self._asked:
            os.kill(os.getpid(), signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._asked['bytes'],) * 2)

    def _time(self):
        if not self._timed:
            self._timed = True
            send = threading.Timer(
                self._asked['seconds'], os.kill, (os.getpid(), self._asked['signal'])
            )
            send.daemon = True
            send.start()

    def _below(self, event, arguments):
        if event not in CHANGES and not (event == 'open' and arguments[2] & WRITING):
            return False
        path = arguments[0]
        return isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(
            self._asked['below']
        )


def main():
    asked = json.loads(sys.argv[1])
    bite = Bite(asked)
    if 'count' in asked:
        atexit.register(bite.tell)
    if 'bytes' in asked:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    module, sys.argv = sys.argv[2], sys.argv[2:]
    sys.addaudithook(bite)
    runpy.run_module(module, run_name='__main__', alter_sys=True)


if __name__ == '__main__':
    main()
