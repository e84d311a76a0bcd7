"""`gan_jax.score`: `evaluate.image_scores.score` in silence; its remarks are warnings."""

from gan_jax.api.quiet import quiet
from gan_jax.evaluate import image_scores

score = quiet()(image_scores.score)
