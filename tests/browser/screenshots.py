"""Makes the pictures of docs/report.md: python -m tests.browser.screenshots [WORKDIR]

WORKDIR is a trained run, by default the one of `make demo`. Needs what `make browser` installs.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from gan_jax.reports import build, training
from tests.browser.conftest import DRAWN, FLAGS, MISSING, find_chromium, wait_until
from tests.imports import ROOT

PICTURE = ROOT / 'docs' / 'report.png'
LARGEST = 200_000  # bytes
VIEWS = (('light', 1160), ('dark', 1160), ('light', 390))  # colours, pixels of width
HEIGHT = 1700


def main(workdir: Path) -> None:
    """Writes docs/report.png: the page in light, in dark, and on a phone."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, 'report.html')
        file.write_bytes(build.report([workdir], training.finder()))
        views = shots(file)
    wide = sum(one.width for one in views) + 24 * (len(views) - 1)
    whole = Image.new('RGB', (wide, HEIGHT), '#8a94a0')
    left = 0
    for one in views:
        whole.paste(one, (left, 0))
        left += one.width + 24
    content = compressed(whole.resize((wide // 2, HEIGHT // 2), Image.Resampling.LANCZOS))
    PICTURE.write_bytes(content)
    print(f'{PICTURE}: {len(content):,} bytes')


def shots(file: Path) -> list[Image.Image]:
    """The first screen of the page in each of VIEWS."""
    found, path = [], find_chromium()
    if path is None:
        sys.exit(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS])
        for colours, width in VIEWS:
            size = {'width': width, 'height': HEIGHT}
            page = browser.new_page(viewport=size, color_scheme=colours)
            page.goto(file.as_uri())
            page.evaluate("dispatchEvent(new Event('beforeprint'))")  # draws every chart
            wait_until(page, DRAWN)
            page.wait_for_timeout(500)
            found.append(Image.open(io.BytesIO(page.screenshot())).convert('RGB'))
        browser.close()
    return found


def compressed(picture: Image.Image) -> bytes:
    """The picture as PNG with as many colours as fit into LARGEST bytes."""
    for colours in (256, 128, 64, 32):
        file = io.BytesIO()
        picture.quantize(colours, Image.Quantize.FASTOCTREE).save(file, 'PNG', optimize=True)
        if len(file.getvalue()) <= LARGEST:
            break
    return file.getvalue()


if __name__ == '__main__':
    main(Path(*sys.argv[1:2]) if sys.argv[1:] else ROOT / 'workdirs' / 'demo')
