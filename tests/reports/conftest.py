"""Pages of these tests carry no library: it takes seconds to bundle, and tests/browser has it."""

import pytest

from gan_jax.reports import page


@pytest.fixture(autouse=True)
def no_library(monkeypatch):
    monkeypatch.setattr(page, 'library', lambda: 'const vegaEmbed = null;')
