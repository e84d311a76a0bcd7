"""Pages of the docs as programs: their files, their commands, their links."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
HOW_TO = sorted((ROOT / 'docs' / 'howto').glob('*.md'))
# Every page that a reader is led to; `docs/reference/code/` is generated.
PAGES = [
    *(ROOT / name for name in ('README.md', 'CONTRIBUTING.md', 'CHANGELOG.md')),
    *sorted((ROOT / 'docs').glob('*.md')),
    *sorted((ROOT / 'docs').glob('[!_]*/*.md')),
    *(ROOT / name for name in ('launch/README.md', 'tests/accelerator/README.md')),
]
LINK = re.compile(r'\]\(([^)\s]+)\)')
TITLE = re.compile(r'^(#{1,6}) (.+)$', re.M)


def name_of(page: Path) -> str:
    """The path of a page below the checkout."""
    return page.relative_to(ROOT).as_posix()


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language, also of those that stand in a list."""
    found = re.findall(rf'^( *)```{language}\n(.*?)^\1```$', text, flags=re.M | re.S)
    return [
        ''.join(line.removeprefix(indent) for line in body.splitlines(keepends=True))
        for indent, body in found
    ]


def commands(text: str) -> list[str]:
    """The lines of the shell in a page."""
    return [line for block in blocks(text, 'sh') for line in block.splitlines() if line]


def files(text: str) -> dict[str, str]:
    """The Python files that a page tells its reader to write: {name: content}."""
    found = {}
    for block in blocks(text, 'python'):
        if match := re.match(r'# (\w+\.py)\n', block):
            found[match[1]] = block
    return found


def first_column(text: str) -> list[str]:
    """The names in the first column of a page's tables."""
    cells = re.findall(r'^\| (`[^|]+`) \|', text, flags=re.M)
    return [name for one in cells for name in re.findall('`([^`]+)`', one)]


def prose(text: str) -> str:
    """The text without its code blocks."""
    return re.sub(r'^( *)(`{3,})[^\n]*\n.*?^\1\2$', '', text, flags=re.M | re.S)


def links(text: str) -> list[str]:
    """The places that a page links, but for other sites."""
    found = LINK.findall(re.sub(r'`[^`\n]*`', '', prose(text)))
    return [link for link in found if not re.match(r'[a-z]+:', link)]


def anchors(text: str) -> set[str]:
    """The anchors of a page's titles, as code hosts make them."""
    found: set[str] = set()
    for _, title in TITLE.findall(prose(text)):
        plain = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', title).replace('`', '').lower()
        slug = re.sub(r'[^\w\- ]', '', plain).strip().replace(' ', '-')
        number = 1
        while (one := slug if slug not in found else f'{slug}-{number}') in found:
            number += 1
        found.add(one)
    return found


def target(page: Path, link: str) -> tuple[Path, str]:
    """The file and the anchor that a link of a page leads to."""
    path, _, anchor = link.partition('#')
    return (page.parent / path).resolve() if path else page, anchor


def broken(page: Path, text: str) -> list[str]:
    """The links of a page that lead nowhere."""
    wrong = []
    for link in links(text):
        file, anchor = target(page, link)
        there = file.exists()
        if there and anchor:
            there = anchor in anchors(text if file == page else file.read_text('utf-8'))
        wrong += [] if there else [link]
    return wrong


def reached(first: Path, most: int) -> dict[Path, int]:
    """{page: links that lead to it} for the pages within some links of the first one."""
    found = {first: 0}
    for count in range(1, most + 1):
        for page in [p for p, n in found.items() if n == count - 1 and p.suffix == '.md']:
            for link in links(page.read_text('utf-8')):
                found.setdefault(target(page, link)[0], count)
    return found
