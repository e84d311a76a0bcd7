"""Every shipped config has a plan, before its data are prepared: a row for each device count."""

from pathlib import Path

import pytest

from gan_jax.benchmark import __main__ as command
from gan_jax.experiment.shipped import CONFIG, files

TABLE = Path(__file__).parents[3] / 'configs' / 'devices.toml'


@pytest.mark.slow
@pytest.mark.parametrize('name', files(CONFIG))
def test_a_shipped_config_has_a_plan(name, tmp_path, capsys):
    flags = [f'--config={name}', f'--plan={TABLE}:H100', f'--config.data.dir={tmp_path}']
    assert command.main(flags) == 0
    text = capsys.readouterr().out
    _, _, *rows = text[text.index('\nH100: ') + 1 :].split('\n\n')[0].splitlines()
    planned = [row.split() for row in rows]
    assert [words[0] for words in planned[:4]] == ['1', '2', '4', '8']
    assert all({'yes', 'perhaps', 'no'} & {*words} for words in planned)
