"""Scores of images without a run, for the command."""

import argparse
import os
import time

from gan_jax.evaluate import result
from gan_jax.evaluate.curve import Curves
from gan_jax.evaluate.image_scores import score
from gan_jax.runtime import output, workdir
from gan_jax.runtime.progress import bar
from gan_jax.runtime.versions import versions


def main(flags: argparse.Namespace) -> int:
    """Scores one set of images against another, as the flags of `gan_jax.evaluate` say."""
    curves: dict[str, Curves] = {}
    found = score(
        flags.images,
        flags.against,
        flags.metrics,
        flags.data_dir,
        size=flags.size,
        progress=bar,
        keep=curves.__setitem__,
    )
    now = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
    found |= {'versions': versions(), 'time': now}
    result.show_values(found)
    scored = found['protocol']['scored']
    output.say(
        f'{scored["count"]:,} images of {scored["images"]} against {found["protocol"]["data"]}'
    )
    for note in scored['notes']:
        output.say(note)
    output.result(results=[{'file': None, **found}])  # also if the file cannot be written
    if flags.out:
        result.write_beside(flags.out, curves)
        result.write(flags.out, lambda: workdir.write_json(flags.out, found))
        output.say(f'written to {flags.out}')
        output.result(results=[{'file': flags.out, **found}])
    return os.EX_OK
