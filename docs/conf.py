"""The settings of the site: `make docs`. Its source is the checkout, so that all links hold."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

project = 'gan_jax'
author = 'The gan_jax authors'
copyright = 'The gan_jax authors'
extensions = ['myst_nb', 'docs._ext.site']

# Pages may lie anywhere, and link files of the source as on a code host.
root_doc = 'README'
include_patterns = [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'docs/*.md',
    'docs/**/*.md',
    'launch/README.md',
    'tests/accelerator/README.md',
    'notebooks/*.ipynb',
]
PAGES = ('README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'docs', 'launch', 'tests', 'notebooks')
# Nothing else is looked at: an environment or a data set has many files.
exclude_patterns = [path.name for path in ROOT.iterdir() if path.name not in PAGES]
templates_path = ['_templates']

myst_heading_anchors = 4
nb_execution_mode = os.environ.get('NOTEBOOKS') or 'off'
nb_execution_cache_path = str(ROOT / '.cache' / 'notebooks')
nb_execution_raise_on_error = True
nb_execution_timeout = 1800
# Names such as Generator are defined in many modules, and a signature does not say in which.
suppress_warnings = ['ref.python']
python_maximum_signature_line_length = 90
python_use_unqualified_type_names = True

smartquotes = False  # which would make one dash of the two of a flag
html_theme = 'furo'
html_title = 'gan_jax'
html_additional_pages = {'index': 'index.html'}
html_copy_source = False
