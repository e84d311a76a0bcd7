"""The live display of a training in a notebook: a bar, the current numbers, the newest picture."""

import html
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from gan_jax.sampling.pictures import data_uri

Callback = Callable[[int, Mapping[str, float]], object]  # (step, a row of the log)
KINDS = ('d/', 'g/', 'eval/', 'time/images_per_second')


def in_notebook(folder: Path, steps: int) -> Callback | None:
    """A callback that shows a run beneath the cell; None where there is no notebook.

    Args:
        folder: the workdir, whose newest sample picture is shown.
        steps: of the run.
    """
    shell = getattr(sys.modules.get('IPython'), 'get_ipython', lambda: None)()
    if not hasattr(shell, 'kernel'):
        return None
    from IPython.display import HTML, display

    handle = display(HTML(page(folder, steps, 0, {})), display_id=True)

    def show(step: int, row: Mapping[str, float]) -> None:
        handle.update(HTML(page(folder, steps, step, row)))

    return show


def page(folder: Path, steps: int, step: int, row: Mapping[str, float]) -> str:
    """The display as HTML."""
    numbers = ''.join(
        f'<tr><td>{html.escape(name)}</td><td style="text-align:right">{value:.4g}</td></tr>'
        for name, value in row.items()
        if name.startswith(KINDS)
    )
    return (
        f'<progress value="{step}" max="{steps}" aria-label="step {step} of {steps}"></progress> '
        f'step {step} of {steps} in {html.escape(str(folder))}'
        f'<div style="display:flex;gap:2em">{_picture(folder)}<table>{numbers}</table></div>'
    )


def _picture(folder: Path) -> str:
    found = sorted((folder / 'samples').glob('*.png'), key=lambda file: file.stat().st_mtime_ns)
    if not found:
        return ''
    address = data_uri('png', found[-1].read_bytes())
    return f'<img alt="samples of {found[-1].stem}" src="{address}">'
