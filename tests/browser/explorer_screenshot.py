"""Draws docs/explore.png: python -m tests.browser.explorer_screenshot WORKDIR

WORKDIR is a run of configs/digits_stylegan2.py; `make browser-env` installs what draws.
"""

import io
import signal
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.conftest import FLAGS, find_chromium
from tests.browser.screenshots import compressed
from tests.launched import ROOT, launch

PICTURE = ROOT / 'docs' / 'explore.png'


def drawn(address: str) -> bytes:
    """A PNG of the page with a digit on its way."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*FLAGS])
        page = browser.new_page(viewport={'width': 1200, 'height': 1500}, color_scheme='light')
        page.goto(address)
        page.wait_for_selector('#picture img')
        for direction, value in ((0, '1.5'), (2, '-1')):
            page.fill(f'#move-{direction} input[type=number]', value)
            page.keyboard.press('Tab')
        page.click('#look')
        page.wait_for_selector('#nearest figure')
        page.wait_for_timeout(1000)  # the last picture
        return page.screenshot(full_page=True)


def main(workdir: Path) -> None:
    """Serves a run, and saves its page."""
    process = launch('-m', 'gan_jax.explore', f'--workdir={workdir}')
    try:
        picture = Image.open(io.BytesIO(drawn(process.stdout.readline().split()[0])))
        PICTURE.write_bytes(compressed(picture.convert('RGB')))
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


if __name__ == '__main__':
    main(Path(sys.argv[1]))
