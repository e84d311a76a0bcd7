"""A page: one HTML file with its sections, pictures, charts and the code that draws them."""

import base64
import functools
import hashlib
import json
from importlib import metadata
from pathlib import Path

from gan_jax.reports.charts import Spec
from gan_jax.reports.markup import text
from gan_jax.runtime import compile_cache
from gan_jax.runtime.errors import DATA, UserError

LARGEST = 5_000_000  # bytes of a page
HERE = Path(__file__).parent

# Nothing is fetched, and no script runs but those whose digests are given: what a workdir says
# stays text even if it were not escaped. A live page asks its own server for news.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; connect-src {}; script-src {}"
)


class Page:
    """The page of a report, filled section by section.

    Args:
        title: of the page; it may come from a workdir.
        subtitle: a line below it, likewise.
    """

    def __init__(self, title: str, subtitle: str):
        self._title, self._subtitle = text(title), text(subtitle)
        self._links: list[str] = []
        self._body: list[str] = []
        self._specs: list[Spec] = []

    def section(self, anchor: str, title: str, *parts: str) -> None:
        """Adds a section that the menu names, unless nothing is in it.

        Args:
            anchor: its id.
            title: its heading.
            parts: HTML.
        """
        body, name = ''.join(parts), text(anchor)
        if body:
            self._links.append(f'<li><a href="#{name}">{text(title)}</a></li>')
            self._body.append(
                f'<section id="{name}" aria-labelledby="{name}-title">'
                f'<h2 id="{name}-title">{text(title)}</h2>{body}</section>'
            )

    def add(self, part: str) -> None:
        """Adds HTML that belongs to no section."""
        self._body.append(part)

    def chart(self, spec: Spec) -> str:
        """The HTML of a chart, which is drawn when the reader comes to it."""
        self._specs.append(spec)
        return f'<div class="chart" data-chart="{len(self._specs) - 1}"></div>'

    def html(self, live: str = '') -> bytes:
        """The page in UTF-8.

        Args:
            live: the version of a page that comes from a server, and is loaded again when that has
                another; '' for a file.

        Raises:
            UserError: it is larger than `LARGEST` (65).
        """
        scripts = [library(), (HERE / 'page.js').read_text('utf-8')]
        hashes = ' '.join(f"'sha256-{_digest(one)}'" for one in scripts)
        policy = POLICY.format("'self'" if live else "'none'", hashes)
        specs = json.dumps(self._specs, allow_nan=False, separators=(',', ':'))
        version = f' data-live="{text(live)}"' if live else ''
        page = '\n'.join(
            [
                f'<!doctype html><html lang="en"{version}><head>',
                '<meta charset="utf-8">',
                f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                '<meta name="color-scheme" content="light dark">',
                '<link rel="icon" href="data:,">',
                f'<title>{self._title}</title>',
                f'<style>{(HERE / "page.css").read_text("utf-8")}</style></head><body>',
                '<a class="skip" href="#main">To the content</a>',
                f'<header><h1>{self._title}</h1><p>{self._subtitle}</p></header>',
                f'<nav aria-label="Sections"><ul>{"".join(self._links)}</ul></nav>',
                '<main id="main">',
                '<noscript><p class="note">The charts need JavaScript.</p></noscript>',
                *self._body,
                '</main><footer><p>Charts: Vega-Lite and Vega.</p></footer>',
                f'<script type="application/json" id="specs">{_in_script(specs)}</script>',
                *(f'<script>{one}</script>' for one in scripts),
                '</body></html>\n',
            ]
        ).encode()
        if len(page) > LARGEST:
            raise UserError(
                f'the report has {len(page):,} bytes, more than {LARGEST:,}: give fewer runs', DATA
            )
        return page


@functools.cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script."""
    version = metadata.version('vl-convert-python')
    return compile_cache.kept(f'charts_{version}.js', _bundled)


def _bundled() -> str:
    import vl_convert  # a large binary, which only the first report of a user needs

    return _script(vl_convert.javascript_bundle())


def _script(source: str) -> str:
    """A script that can stand in a page: nothing in it ends the element."""
    return source.replace('\r', '\n').replace('</script', '<\\/script').replace('<!--', '\\x3c!--')


def _in_script(content: str) -> str:
    """JSON that can stand in a page."""
    return content.replace('<', '\\u003c').replace('>', '\\u003e').replace('&', '\\u0026')


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
