"""The values of a config outside its blocks of functions: every key, and its type and range."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from gan_jax.runtime.ranges import (
    COUNT,
    FLOAT32,
    INT32,
    POSITIVE,
    Choice,
    Flag,
    Integer,
    Number,
    Pair,
    Pattern,
    Text,
)
from gan_jax.sampling.limits import BATCH_NORM, MOST_IMAGES

# Updates of D times parts of each. A CPU has them written out: digits.py was compiled in 25 s of a
# core for 4, in 45 s for 8 and in 87 s for 16, 5.2 s for each, and so in 340 s for this many.
PARTS = 64

WITHOUT_AVERAGES = ('ema', 'raw')  # weights of the generator that every run has
SIDE = Integer(1, 1024)  # pixels
BACKGROUND = r'(white|black|grey|#[0-9a-fA-F]{6})?'  # colours for transparent places

# Every key outside the blocks of functions. No value that is let through keeps the program from
# answering.
VALUES: Mapping[str, Any] = {
    'seed': Integer(0, INT32),
    'steps': COUNT,
    'batch_size': Integer(2, INT32),
    'd_steps': Integer(1, PARTS),
    'accumulate': Integer(1, PARTS),
    'g_reals': Choice(('last', 'own')),
    'steps_per_dispatch': Integer(1, 1000),
    'joint': Flag(),
    'data.name': Text(),
    'data.size': Annotated[int, SIDE] | Annotated[tuple, Pair(SIDE)],  # or height and width
    'data.dir': Text(),
    'data.fraction': Number(0, 1, above=True),
    'data.subset_seed': Integer(0, INT32),
    'data.held_out': Number(0, 0.5),
    'data.background': Text(BACKGROUND, "white, black, grey, '#RRGGBB', or '' for none"),
    'latent.dim': Integer(1, 2**24),
    'latent.labels': Choice(('data', 'uniform', 'real')),
    'augment.real': Text(),
    'augment.critic': Text(),
    'augment.view': Text(),
    'augment.shared': Flag(),
    'augment.strength': Number(0, FLOAT32),
    'augment.probability': Number(0, 1),
    'ema.halflife_images': POSITIVE,
    'ema.ramp': POSITIVE,
    'init.workdir': Text(),
    'init.nets': Text(r'(g|d|ema)(,(g|d|ema))*', "names of nets such as 'g,d,ema'"),
    'init.match': Pattern(),
    'freeze': Pattern(),
    'evaluate.metrics': Text(),
    'evaluate.full': Text(),
    'evaluate.num': Integer(2, MOST_IMAGES),
    'evaluate.weights': Choice(WITHOUT_AVERAGES),  # and those of config.averages
    'evaluate.batch_norm': Text(
        BATCH_NORM.pattern, "'moving', 'batch' or 'standing(N)' with N from 1 to 9999"
    ),
    'evaluate.unaugmented': Text(),
    'every.log': COUNT,
    'every.sample': COUNT,
    'every.evaluate': COUNT,
    'every.full': COUNT,
    'every.checkpoint': COUNT,
    'every.snapshot': COUNT,
    'every.report': Integer(0, INT32),  # 0: in the end alone
    'mesh.data': Literal[-1] | Annotated[int, COUNT],  # -1 is all devices
    'mesh.model': COUNT,
    'dtype': Choice(('float32', 'bfloat16')),
}
# A block of metrics with an interval of its own, `evaluate.NAME`, that names no function.
OWN_INTERVAL: Mapping[str, Any] = {
    'metrics': Text(r'(?s).+', 'names of metrics, a comma between two'),
    'every': COUNT,
}
