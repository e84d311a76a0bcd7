"""The rows of a run, once more."""

import json

from gan_jax.runtime.writers import RunInfo, Writer


def rows(run: RunInfo, *, file: str = 'rows.jsonl') -> Writer:
    """Each row as a line of JSON in the workdir."""

    def write_scalars(step, values):
        if step > run.since:
            with open(run.folder / file, 'a') as lines:
                print(json.dumps({'step': step, **values}), file=lines)

    return Writer(write_scalars=write_scalars)
