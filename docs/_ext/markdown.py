"""Docstrings as Markdown: their sections become lists, and nothing of them is read as markup."""

import inspect
import json
import re
from collections.abc import Iterator
from typing import NamedTuple

SECTION = re.compile(r'(Args|Attributes|Returns|Raises|Yields)( \([^)]*\))?:$')
ITEM = re.compile(r'(\*{0,2}\w+(?:, \*{0,2}\w+)*): ?(.*)')
CODE = re.compile(r'(`[^`]+`)')
MARKUP = re.compile(r'([\\*_<>\[\]~])')


class Docstring(NamedTuple):
    """A docstring in parts.

    Attributes:
        text: what comes before the sections.
        sections: (title, lines of the section without its indentation).
    """

    text: list[str]
    sections: list[tuple[str, list[str]]]


def split(doc: str) -> Docstring:
    """The parts of a docstring."""
    text, sections = [], []
    for line in inspect.cleandoc(doc).splitlines():
        if SECTION.fullmatch(line):
            sections.append((line.removesuffix(':'), []))
        elif sections and (line.startswith('    ') or not line):
            sections[-1][1].append(line[4:])
        elif sections:  # text after a section ends it
            sections.append(('', [line]))
        else:
            text.append(line)
    return Docstring(text, sections)


def items(lines: list[str]) -> dict[str, str]:
    """{name: its text on one line} of the lines of a section such as Args."""
    found, names = {}, ()
    for line in lines:
        if (match := ITEM.fullmatch(line)) and not line.startswith(' '):
            names = [name.lstrip('*') for name in match[1].split(', ')]
            found |= dict.fromkeys(names, match[2])
        else:
            found |= {name: f'{found[name]} {line.strip()}'.strip() for name in names}
    return found


def meanings(doc: str | None) -> dict[str, str]:
    """{name: meaning} of the arguments or attributes in a docstring."""
    found = {}
    for title, lines in split(doc or '').sections:
        if title.startswith(('Args', 'Attributes')):
            found |= items(lines)
    return found


def first_paragraph(doc: str | None) -> str:
    """The text of a docstring up to its first empty line, on one line."""
    return ' '.join(inspect.cleandoc(doc or '').partition('\n\n')[0].split())


def rendered(doc: str | None) -> str:
    """A whole docstring as Markdown."""
    if not doc:
        return ''
    parts = split(doc)
    return '\n'.join([*_text(parts.text), *_sections(parts.sections)]).strip() + '\n'


def escaped(text: str) -> str:
    """The text with nothing in it that Markdown would read, but for `code`."""
    parts = CODE.split(text)
    return ''.join(p if CODE.fullmatch(p) else MARKUP.sub(r'\\\1', p) for p in parts)


def code(value: object) -> str:
    """A value as `code`, also within a table."""
    text = str(value).replace('\n', ' ')
    return f'`{text}`' if '`' not in text else f'`` {text} ``'


def cell(text: str) -> str:
    """Text for a cell of a table."""
    return escaped(text).replace('|', r'\|')


def option(text: str) -> str:
    """Text as the value of a directive's option, which is YAML."""
    return json.dumps(text, ensure_ascii=False)


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines) + '\n'


def _sections(sections: list[tuple[str, list[str]]]) -> Iterator[str]:
    for title, lines in sections:
        yield ''
        if title:
            yield f'**{title}**'
            yield ''
        if title.startswith(('Args', 'Attributes', 'Raises')):
            yield from _items(lines)
        else:
            yield from _text(lines)


def _items(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if (match := ITEM.fullmatch(line)) and not line.startswith(' '):
            yield f'- `{match[1]}`: {escaped(match[2])}'
        elif line.startswith('    ') and not line.startswith('     '):
            yield f'  {escaped(line.strip())}'
        else:
            yield escaped(line)


def _text(lines: list[str]) -> Iterator[str]:
    """Lines of text; tables and indented blocks, which are code, stay as they are."""
    inside = False
    for before, line in zip(['', *lines], lines, strict=False):
        inside = line.startswith('    ') and (inside or not before)
        if line.startswith('| ') or inside or not line:
            yield line
        else:
            yield re.sub(r'^([+#])', r'\\\1', escaped(line))
