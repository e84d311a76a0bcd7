"""Chromium for the tests of pages: $CHROME, or a browser on the PATH.

`make browser` installs what drives it. Where there is no browser, every test here is skipped, with
a line that says so.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome')
MISSING = (
    'no Chromium here: set $CHROME to its path, or put one on the PATH (on Debian: apt-get install '
    'chromium)'
)
# Nothing but the page that is opened: no sandbox, since root has none, and no calls home.
FLAGS = (
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
)
PAINTED = "(performance.getEntriesByName('first-contentful-paint')[0] || {}).startTime"
DRAWN = "document.querySelectorAll('.chart:not([data-drawn])').length === 0"
WCAG = ('wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice')


def find_chromium() -> str | None:
    """The path of a Chromium: $CHROME, else the first of NAMES on the PATH; None without one."""
    if chosen := os.environ.get('CHROME'):
        return shutil.which(chosen) or chosen
    return next(filter(None, map(shutil.which, NAMES)), None)


def wait_until(page, expression: str, seconds: float = 30) -> None:
    """Waits until a JavaScript expression is true on a page.

    `Page.wait_for_function` evaluates text within the page, which the policy of a page may forbid.
    """
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f'{expression} has not come true in {seconds} s'
        page.wait_for_timeout(50)


@pytest.fixture(scope='session')
def chromium() -> Iterator:
    """A headless Chromium, `playwright.sync_api.Browser`, for all tests of a process."""
    api = pytest.importorskip('playwright.sync_api')
    path = find_chromium()
    if path is None:
        pytest.skip(MISSING)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium) -> Iterator[Callable]:
    """(address or file, *, dark, width, height) -> a `playwright.sync_api.Page` that has loaded.

    The test fails in the end if a page has raised an exception or written an error or a warning to
    the console.
    """
    contexts, said = [], []

    def opened(address: str | Path, *, dark=False, width=1280, height=900, **options):
        context = chromium.new_context(
            viewport={'width': width, 'height': height},
            color_scheme='dark' if dark else 'light',
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.on('pageerror', lambda error: said.append(f'{error}'))
        page.on(
            'console',
            lambda message: (
                said.append(message.text) if message.type in ('error', 'warning') else None
            ),
        )
        page.goto(address.absolute().as_uri() if isinstance(address, Path) else address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture
def violations() -> Callable:
    """(page) -> what axe finds against WCAG 2.2 AA and its best practices, a line each."""
    axe = pytest.importorskip('axe_playwright_python.sync_playwright').Axe()

    def found(page) -> list[str]:
        result = axe.run(page, options={'runOnly': {'type': 'tag', 'values': [*WCAG]}})
        return [
            f'{rule["id"]}: {rule["help"]}: {node["html"][:200]}'
            for rule in result.response['violations']
            for node in rule['nodes']
        ]

    return found
