"""A set larger than the memory allowed, from ArrayRecord files to a run that is resumed, on Linux.

    python tests/benchmark_stream.py          200,000 images of 64x64, 2.46 GB, in 1.5 GB of memory
    python tests/benchmark_stream.py --images=11000 --size=256 --train=0

A benchmark, not a test: no speed passes or fails here, but what should be equal is compared. It
makes a copy with tensorflow-datasets, prepares it, streams it, trains on it on the CPU, stops that
by SIGTERM and resumes. All but the making are processes under RLIMIT_DATA, a limit of heap, stacks
and private maps; maps of files are not counted, for the kernel drops them when memory is wanted. A
peak is of RssAnon, the private memory in use, looked at every 20 ms. `cold` follows
POSIX_FADV_DONTNEED on the file; what caches lie beneath the machine is not known.
"""

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np
from absl import logging
from PIL import Image

from gan_jax import data
from gan_jax.data import stream
from gan_jax.data.dataset import MEMORY, on_disk
from gan_jax.experiment.feed import make_feed
from gan_jax.runtime import checkpoint, sharding
from gan_jax.runtime.versions import versions

ROOT = Path(__file__).parent.parent
NAME, CLASSES, PICTURES, SHARDS = 'synthetic', 1000, 16, 16
GB = 1e9


# The images --------------------------------------------------------------------------------------


def drawings(size):
    """A few smooth pictures, uint8 [PICTURES, size, size, 3]."""
    seeds = np.random.default_rng(0).integers(0, 256, (PICTURES, 8, 8, 3), np.uint8)
    return data.resize.resize(seeds, size)


def picture(n, drawn):
    """Image n: one of the pictures, brightened modulo 256, with n in its first four bytes."""
    image = drawn[n % PICTURES] + np.uint8(n // PICTURES % 256)
    image.reshape(-1)[:4] = np.frombuffer(np.uint32(n).tobytes(), np.uint8)
    return image


def numbers(images):
    """The n of images uint8 [B, H, W, C]."""
    return images.reshape(len(images), -1)[:, :4].copy().view(np.uint32)[:, 0]


def make(folder, flags):
    """The copy, by tensorflow-datasets itself, with the images as PNG."""
    # Not of `tests`, which is no package on the path of a script.
    from data.tfds import maker

    drawn = drawings(flags.size)

    def encoded():
        for n in range(flags.images):
            Image.fromarray(picture(n, drawn)).save(file := io.BytesIO(), 'PNG', compress_level=1)
            file.seek(0)
            yield file

    labels = (n % CLASSES for n in range(flags.images))
    maker.make(
        folder / 'tfds',
        'array_record',
        {'train': (encoded(), labels)},
        name=NAME,
        feature={'shape': (flags.size, flags.size, 3)},
        classes=CLASSES,
        shards=SHARDS,
    )


# Streaming ---------------------------------------------------------------------------------------


def opened(folder):
    dataset = data.load(NAME, folder / 'data')
    assert on_disk(dataset)
    return dataset


def drop(path):
    """Asks the kernel to forget the file's pages; pages of an open map stay."""
    with path.open('rb') as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def from_disk():
    """Bytes that the disk has read for this process."""
    lines = Path('/proc/self/io').read_text().splitlines()
    return int(dict(line.split(': ') for line in lines)['read_bytes'])


def timed(name, take, flags):
    """Takes all batches by `take(step)`."""
    begun, start = from_disk(), time.perf_counter()
    for step in range(flags.steps):
        take(step)
    seconds = time.perf_counter() - start
    read = (from_disk() - begun) / GB
    count = flags.steps * flags.batch
    print(f'{name:14s} {count / seconds:9,.0f} images/s, {read:.2f} GB from the disk', flush=True)


def measure(folder, flags):
    """The speed of the stream, alone and with the way to the device, and what it yields."""
    sizes = {'batch_size': flags.batch, 'rows': 1}
    drop(folder / 'data' / NAME / 'train' / 'images.npy')
    dataset = opened(folder)
    for name in ('stream, cold', 'stream, warm'):
        batches = stream.batches(dataset, seed=0, first=0, **sizes)
        timed(name, lambda step, batches=batches: next(batches), flags)
        batches.close()
    feed = make_feed(dataset, sharding.make_mesh(1, flags.batch), **sizes)
    timed(
        'on the device', lambda step: feed.index_batch(0, step)['image'].block_until_ready(), flags
    )
    compare(dataset, flags)


def compare(dataset, flags):
    """An epoch holds every image at most once, as it was made, and can be entered anywhere."""
    sizes = {'seed': 0, 'batch_size': flags.batch, 'rows': 1}
    drawn, seen = drawings(flags.size), np.zeros(flags.images, bool)
    steps = flags.images // flags.batch
    for step, batch in enumerate(islice(stream.batches(dataset, first=0, **sizes), steps)):
        found = numbers(batch['image'][0])
        assert not seen[found].any()
        seen[found] = True
        assert (batch['label'][0] == found % CLASSES).all()
        assert (batch['image'][0] == [picture(n, drawn) for n in found.tolist()]).all()
        if step % (steps // 10) == 0:
            entered = next(stream.batches(dataset, first=step, **sizes))
            assert all((entered[key] == batch[key]).all() for key in batch)
    print(f'{"an epoch":14s} {seen.sum():9,} images, each once and as it was made')


# Processes in little memory ----------------------------------------------------------------------


def limited(command, flags, until=lambda: False, stdout=subprocess.DEVNULL):
    """Runs it under the limit, with SIGTERM when `until`: its seconds, status and peak."""
    ulimit = f'ulimit -d {int(flags.limit * GB) // 1024} && exec "$@"'
    command = ['sh', '-c', ulimit, 'sh', sys.executable, *map(str, command)]
    start, most, told = time.perf_counter(), 0, False
    process = subprocess.Popen(command, stdout=stdout)
    while process.poll() is None:
        most = max(most, private(process.pid))
        if not told and until():
            process.send_signal(signal.SIGTERM)
            told = True
        time.sleep(0.02)
    seconds = time.perf_counter() - start
    return seconds, process.returncode, f'{most / GB:.2f} GB at the peak'


def private(pid):
    """RssAnon in bytes; 0 when the process is gone."""
    try:
        lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith('RssAnon'))


def train(folder, flags, workdir, until=lambda: False):
    """A small config, every batch of it from the file."""
    settings = {
        **{'data.name': NAME, 'data.dir': folder / 'data', 'data.size': flags.size},
        **{'generator.width': 0.0625, 'discriminator.width': 0.0625, 'batch_size': 64},
        **{'evaluate.metrics': '', 'steps': flags.train, 'every.log': 1},
    }
    return limited(
        [
            *('-m', 'gan_jax.train', f'--config={ROOT}/configs/digits.py:method=none'),
            f'--workdir={workdir}',
            *(f'--config.{key}={value}' for key, value in settings.items()),
        ],
        flags,
        until,
    )


def resumed(folder, flags):
    """A run that was stopped in the middle and one that was not, and their last states."""
    whole, cut = folder / 'whole', folder / 'cut'
    rows = cut / 'metrics.jsonl'

    def half():
        return rows.exists() and rows.read_text().count('\n') > flags.train // 2

    for name, workdir, until in [
        ('trained', whole, lambda: False),
        ('stopped', cut, half),
        ('resumed', cut, lambda: False),
    ]:
        seconds, status, peak = train(folder, flags, workdir, until)
        assert status == (143 if name == 'stopped' else 0), status
        at = json.loads((workdir / 'status.json').read_text())['step']
        print(f'{name:14s} to step {at}, {seconds:.0f} s, {peak}', flush=True)
    ends = [checkpoint._record(x / 'checkpoints', flags.train)['leaves'] for x in (whole, cut)]
    assert ends[0] == ends[1]
    print(f'{"":14s} {len(ends[0])} arrays of the last state, bit for bit as in one run')


# All ---------------------------------------------------------------------------------------------


def whole(folder, flags):
    """Every part, in the folder."""
    again = [f'--{key}={value}' for key, value in vars(flags).items() if key != 'part']
    begun = time.perf_counter()
    making = [sys.executable, __file__, 'make', *again]
    subprocess.run(making, check=True, stdout=subprocess.DEVNULL)
    files = [*(folder / 'tfds').rglob('*.array_record*')]
    packed, pixels = sum(file.stat().st_size for file in files), flags.images * flags.size**2 * 3
    print(
        f'{"made":14s} {flags.images:9,} images of {flags.size}x{flags.size}x3, '
        f'{packed / GB:.2f} GB in {len(files)} files, {pixels / GB:.2f} GB of pixels, '
        f'{time.perf_counter() - begun:.0f} s'
    )
    print(f'{"limit":14s} {flags.limit} GB of private memory', flush=True)
    command = ['-m', 'gan_jax.prepare', f'--dataset={NAME}', f'--source={folder}/tfds']
    seconds, status, peak = limited([*command, f'--data_dir={folder}/data'], flags)
    assert status == 0
    print(f'{"prepared":14s} {flags.images / seconds:9,.0f} images/s, {peak}', flush=True)
    _, status, peak = limited([__file__, 'measure', *again], flags, stdout=None)
    assert status == 0
    print(f'{"streamed":14s} {peak}', flush=True)
    if flags.train:
        resumed(folder, flags)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = {'make': make, 'measure': measure}
    parser.add_argument('part', nargs='?', choices=parts, help='one of the processes only')
    parser.add_argument('--images', type=int, default=200_000)
    parser.add_argument('--size', type=int, default=64)
    parser.add_argument('--limit', type=float, default=1.5, help='GB of a process')
    parser.add_argument('--batch', type=int, default=256)
    parser.add_argument('--steps', type=int, default=200, help='batches that are timed')
    parser.add_argument('--train', type=int, default=60, help='steps; 0 trains nothing')
    parser.add_argument('--folder', type=Path, help='an empty one; by default one that is removed')
    flags = parser.parse_args()
    if flags.images * flags.size**2 * 3 <= MEMORY:
        parser.error(f'that is at most {MEMORY / GB} GB of pixels, which are not streamed')
    logging.set_verbosity(logging.ERROR)  # orbax's
    os.environ['JAX_PLATFORMS'] = 'cpu'  # a driver of a GPU maps more than any limit
    if flags.part:
        parts[flags.part](flags.folder, flags)
        return
    with tempfile.TemporaryDirectory() as temporary:
        flags.folder = flags.folder or Path(temporary)
        whole(flags.folder, flags)
    print(f'load {os.getloadavg()[0]:.1f}, {json.dumps(versions())}')


if __name__ == '__main__':
    main()
