"""HTML of a page. Whatever comes from a workdir passes `text`, and so cannot be markup."""

import html
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from gan_jax.runtime.errors import printable

DASH = '-'  # no value
LONG = 1000  # characters of a value that are shown


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        shown: as the reader sees it, no HTML; what is no text is written as JSON.
        number: by which the column is sorted; None sorts it as text.
    """

    shown: Any
    number: float | None = None


def text(value: Any) -> str:
    """A value as text of an element or an attribute: cut, printable, escaped."""
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(said) > LONG:
        said = said[:LONG] + '…'
    return html.escape('\n'.join(map(printable, said.split('\n'))))


def number(value: float | None) -> str:
    """A number to four significant digits; a dash for None and for what is not finite."""
    if value is None or not math.isfinite(value):
        return DASH
    return f'{value:.4g}'


def note(value: str) -> str:
    """A paragraph beside the content: an explanation, or the reason why something is missing."""
    return f'<p class="note">{text(value)}</p>'


def pairs(found: Iterable[tuple[str, Any]]) -> str:
    """A list of names and values, for few of them."""
    items = ''.join(f'<div><dt>{text(k)}</dt><dd>{text(v)}</dd></div>' for k, v in found)
    return f'<dl>{items}</dl>'


def bullets(items: Iterable[Any], kind: str = '') -> str:
    """A list of sentences; '' without any."""
    found = ''.join(f'<li>{text(item)}</li>' for item in items)
    return f'<ul class="{text(kind)}">{found}</ul>' if found else ''


def table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[Cell | str]], *, sorts: bool = False
) -> str:
    """A table that scrolls by itself where it is wider than the page; the first column names rows.

    Args:
        caption: of the table.
        head: of the columns.
        rows: of cells, as many as columns.
        sorts: a button in each head sorts the rows.
    """
    titles = ''.join(
        f'<th scope="col">{f"<button>{text(one)}</button>" if sorts else text(one)}</th>'
        for one in head
    )
    body = ''.join(f'<tr>{"".join(map(_cell, row, range(len(row))))}</tr>' for row in rows)
    kind = ' class="sortable"' if sorts else ''
    return (
        f'<div class="wide" role="group" tabindex="0" aria-label="{text(caption)}">'
        f'<table{kind}><caption>{text(caption)}</caption><thead><tr>{titles}</tr></thead>'
        f'<tbody>{body}</tbody></table></div>'
    )


def folded(summary: str, *parts: str) -> str:
    """Content that the reader unfolds."""
    return f'<details><summary>{text(summary)}</summary>{"".join(parts)}</details>'


def _cell(cell: Cell | str, column: int) -> str:
    if isinstance(cell, str):
        cell = Cell(cell)
    key = '' if cell.number is None else f' data-number="{float(cell.number)!r}"'
    tag, scope = ('th', ' scope="row"') if column == 0 else ('td', '')
    return f'<{tag}{scope}{key}>{text(cell.shown)}</{tag}>'
