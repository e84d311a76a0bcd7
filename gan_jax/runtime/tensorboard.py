"""TensorBoard's event files, written without TensorFlow.

The calling thread writes each event. tensorboardX's `SummaryWriter` has a queue and a thread of its
own instead: an error ends that thread, the queue fills, and the run waits for ever.
"""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tensorboardX import summary
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import RecordWriter

from gan_jax.runtime import output

FLUSH = 30  # seconds until TensorBoard can see an event


class Events:
    """A writer of one new event file. If the disk fails, it prints one warning; the run continues.

    `step` is the last step that an earlier process wrote, -1 for none. TensorBoard then hides the
    later events of an interrupted run.
    """

    def __init__(self, folder: Path, step: int):
        self._lock = threading.Lock()
        self._failed = False
        self._flushed = time.monotonic()
        self._file: Any = None  # a RecordWriter once it is open
        self._try(self._open, folder, step)

    def _open(self, folder: Path, step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f'events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}'
        self._file = RecordWriter(str(folder / name))
        self._add(0, file_version='brain.Event:2')
        self._add(step + 1, session_log={'status': 'START'})

    def write_scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        for name, value in scalars.items():
            self._try(self._add, step, summary=summary.scalar(name, value))

    def write_images(self, step: int, images: Mapping[str, np.ndarray]) -> None:
        """Writes batches of images by name, each uint8 [N, H, W, C]."""
        for name, batch in images.items():
            self._try(self._add, step, summary=summary.image(name, batch, dataformats='NHWC'))

    def write_texts(self, step: int, texts: Mapping[str, str]) -> None:
        for name, text in texts.items():
            self._try(self._add, step, summary=summary.text(name, text))

    def write_hparams(self, hparams: Mapping[str, Any]) -> None:
        self.write_texts(0, {'config': f'```json\n{json.dumps(hparams, indent=2)}\n```'})

    def flush(self) -> None:
        """Writes buffered events to the disk; waits for the disk."""
        self._try(self._flush)

    sync = flush  # as `Log.sync`: events before a checkpoint must survive the process

    def close(self) -> None:
        self._try(lambda: self._file.close())

    def _add(self, step: int, **content) -> None:
        event = Event(wall_time=time.time(), step=step, **content)
        self._file.write(event.SerializeToString())
        if time.monotonic() > self._flushed + FLUSH:
            self._flush()

    def _flush(self) -> None:
        self._file.flush()
        self._flushed = time.monotonic()

    def _try(self, write: Callable[..., None], *arguments, **options) -> None:
        """Calls `write`, unless an earlier call has failed."""
        with self._lock:
            if self._failed:
                return
            try:
                write(*arguments, **options)
            except OSError as error:
                self._failed = True
                output.note(f'TensorBoard events stop here: {error}')
                if self._file is not None:
                    with contextlib.suppress(OSError):
                        self._file.close()
