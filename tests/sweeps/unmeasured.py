"""A sweep whose metric no run measures, for docs/mistakes.md."""

from pathlib import Path


def get_sweep() -> dict:
    """Two arms of tiny.py, which measures fd_digits and modes."""
    tiny = str(Path(__file__).with_name('tiny.py'))
    return {
        'config': tiny,
        'grid': {'method': ['none', 'bcr']},
        'seeds': 1,
        'metric': 'fid10k_test',
    }
