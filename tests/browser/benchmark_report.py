"""Size and first paint of reports: python -m tests.browser.benchmark_report WORKDIR [WORKDIR ...]

A benchmark, not a test: nothing here passes or fails. The report of each workdir, a run or a sweep,
is written as `python -m gan_jax.report` writes it, into a folder that is removed, and opened five
times in Chromium from the disk, each time by a new profile. First paint is the browser's own
`first-contentful-paint`, counted from the start of the navigation. Needs what `make browser`
installs.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from gan_jax import report
from gan_jax.runtime.versions import versions
from tests.browser.conftest import FLAGS, MISSING, PAINTED, find_chromium, wait_until

REPEATS = 5
SIZE = {'width': 1280, 'height': 900}


def main(workdirs: list[Path]) -> None:
    """Prints a row of a table for the report of each workdir."""
    path = find_chromium()
    if path is None:
        sys.exit(MISSING)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        files = [written(workdir, Path(folder)) for workdir in workdirs]
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS])
        print(f'{versions()}, Chromium {browser.version}')
        print('| report | MB | first paint, ms: best of 5 | median |\n|---|---|---|---|')
        for file in files:
            times = [first_paint(browser, file) for _ in range(REPEATS)]
            size = file.stat().st_size / 1e6
            best, median = min(times), statistics.median(times)
            print(f'| {file.stem} | {size:.2f} | {best:.0f} | {median:.0f} |', flush=True)
        browser.close()


def written(workdir: Path, folder: Path) -> Path:
    """The report of a workdir, in a folder."""
    file = folder / f'{workdir.absolute().name}.html'
    if status := report.main([f'--workdir={workdir}', f'--out={file}']):
        sys.exit(status)
    return file


def first_paint(browser: Browser, file: Path) -> float:
    """Milliseconds from the navigation to the first paint, in a profile of its own."""
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.goto(file.as_uri())
    wait_until(page, f'{PAINTED} > 0')
    milliseconds = page.evaluate(PAINTED)
    context.close()
    return milliseconds


if __name__ == '__main__':
    main([Path(name) for name in sys.argv[1:]] or sys.exit(__doc__))
