"""The acts of the page: each takes the values of its controls and gives HTML."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.data.damage import naming
from gan_jax.data.pictures import decode
from gan_jax.explorer import controls, markup
from gan_jax.explorer.still import Choice, Explorer, Variables
from gan_jax.explorer.training import TrainedRun
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.paths import opened
from gan_jax.sampling.projection import Cloud, Projected, cloud, make_project

FRAMES = 31  # of a film along a way; odd, so that its middle is the picture itself
MOST_STEPS = 64  # checkpoints in a film
NEIGHBOURS = 8

Values = Mapping[str, Any]


class Actions:
    """A generator, and the run that it is of, as the page uses them.

    Attributes:
        explorer: of the generator.
        run: None for an exported generator.
    """

    def __init__(self, explorer: Explorer, run: TrainedRun | None, check: Callable[[], object]):
        """Computes nothing yet.

        Args:
            explorer, run: as above.
            check: called between two pictures of a film and within a projection; it may raise.
        """
        self.explorer, self.run, self._check = explorer, run, check
        self._projections = functools.lru_cache(2)(self._make_project)
        self._clouds = functools.lru_cache(8)(self._make_cloud)

    def picture(self, values: Values, found: np.ndarray | None) -> str:
        """The picture of the controls.

        Args:
            values: see `controls.choice_of`; with a run also 'step'.
            found: w [L, W] of an own picture, or None.
        """
        choice, image = self._image(values, found)
        return markup.picture(image, self._words(choice), f'image-{choice.number}')

    def score(self, values: Values, found: np.ndarray | None) -> str:
        """D's opinion of the picture, or the sentence that says why there is none.

        Args:
            values, found: as in `picture`.
        """
        choice, image = self._image(values, found)
        try:
            score = self.run.score(image, choice.label, int(values['step']))
        except UserError as error:
            return markup.sentence(str(error))
        return markup.sentence(
            f"D's logit is {score.logit:.2f}, larger than for {score.share:.0%} of {score.count} "
            'training images.'
        )

    def along(self, values: Values, found: np.ndarray | None, direction: int) -> str:
        """A film along a direction, from the slider's left end to its right end.

        Args:
            values, found: as in `picture`.
            direction: its number, from 0 on.
        """
        farthest = controls.FARTHEST
        choice, variables = self._choice(values, found), self._variables(values)
        steps = np.linspace(-farthest, farthest, FRAMES)
        before = [*choice.moves]

        def moved(step: float) -> np.ndarray:
            moves = [*before[:direction], step, *before[direction + 1 :]]
            return self.explorer.point(choice._replace(moves=moves), variables)

        frames = [self._frame(moved(step), choice.label, variables) for step in steps]
        words = f'image {choice.number} along direction {direction + 1}'
        return markup.film(np.stack(frames), words, f'direction-{direction + 1}')

    def to_second(self, values: Values, found: np.ndarray | None) -> str:
        """A film from the picture to the second image, both as they are shown.

        Args:
            values, found: as in `picture`.
        """
        choice, variables = self._choice(values, found), self._variables(values)
        ends = choice, choice._replace(number=choice.other, found=None)
        a, b = (self.explorer.point(end, variables) for end in ends)
        points = self.explorer.between(a, b, np.linspace(0, 1, FRAMES))
        frames = [self._frame(point, choice.label, variables) for point in points]
        words = f'from image {choice.number} to image {choice.other}'
        return markup.film(np.stack(frames), words, f'from-{choice.number}-to-{choice.other}')

    def over_time(self, values: Values, found: np.ndarray | None) -> str:
        """A film of the picture at each checkpoint, in order.

        Args:
            values, found: as in `picture`.

        Raises:
            UserError: there are fewer than two checkpoints.
        """
        steps = self.run.steps[-MOST_STEPS:] if self.run else []
        if len(steps) < 2:
            raise UserError(
                'a film over time needs two checkpoints or more in the workdir: train it longer'
            )
        choice, frames = self._choice(values, found), []
        for step in steps:
            variables = self.run.variables(step)
            frames.append(
                self._frame(self.explorer.point(choice, variables), choice.label, variables)
            )
        words = f'image {choice.number} from step {steps[0]} to step {steps[-1]}'
        return markup.film(np.stack(frames), words, f'image-{choice.number}-over-time')

    def nearest(self, values: Values, found: np.ndarray | None) -> str:
        """The training images nearest to the picture.

        Args:
            values, found: as in `picture`.
        """
        _, image = self._image(values, found)
        near, dataset = self.run.nearest(image, NEIGHBOURS), self.run.dataset
        captions = [
            f'{self._class_of(row)}{distance:.1f} grey levels'
            for row, distance in zip(near.rows, near.distances, strict=True)
        ]
        return markup.row([dataset.images[row] for row in near.rows], captions)

    def project(self, path: str, values: Values, steps: int) -> tuple[np.ndarray, str]:
        """The w of an own picture, and both pictures side by side.

        Args:
            path: of a file of anybody's.
            values: as in `picture`, for the class whose average w is the start.
            steps: of Adam.

        Returns:
            w [L, W] for `found` of the other functions, and HTML.

        Raises:
            UserError: the file is no picture that this package reads.
        """
        target = self._read(Path(path))
        variables, label = self._variables(values), self._choice(values, None).label
        around = self._clouds(values.get('step'), label)
        one: Projected = self._projections(steps)(variables, around, target, 0)
        w = np.repeat(one.w[None], self.explorer.layers, axis=0)
        found = self.explorer.image(w, label, variables)
        captions = 'your picture', f'its image, at a distance of {one.after:.3g}'
        return w, markup.row([target, found], captions)

    def _choice(self, values: Values, found: np.ndarray | None) -> Choice:
        return controls.choice_of(values, self.explorer, found)

    def _variables(self, values: Values) -> Variables:
        """The generator's at the checkpoint of the controls."""
        if self.run is None or values.get('step') is None:
            return self.explorer.variables
        return self.run.variables(int(values['step']))

    def _image(self, values: Values, found: np.ndarray | None) -> tuple[Choice, np.ndarray]:
        choice, variables = self._choice(values, found), self._variables(values)
        point = self.explorer.point(choice, variables)
        return choice, self.explorer.image(point, choice.label, variables)

    def _frame(self, point: np.ndarray, label: int, variables: Variables) -> np.ndarray:
        self._check()
        return self.explorer.image(point, label, variables)

    def _words(self, choice: Choice) -> str:
        of = self.explorer.generator
        name = f' of {of.label_kind} {choice.label}' if of.num_classes else ''
        start = 'your picture' if choice.found is not None else f'image {choice.number}'
        return f'{start}{name}'

    def _class_of(self, row: int) -> str:
        dataset = self.run.dataset
        if dataset.vectors is not None:
            return f'row {dataset.vectors.rows[row]}, '
        if dataset.labels is None:
            return ''
        label = int(dataset.labels[row])
        return f'{dataset.class_names[label] if dataset.class_names else label}, '

    def _read(self, path: Path) -> np.ndarray:
        """A file as uint8 [H, W, C] of the generator's shape."""
        height, width, channels = self.explorer.generator.image_shape
        with opened(path) as file, naming(path.name):
            content = decode.in_memory(file, path.name)
            return decode.pixels(content, path.name, channels=channels, size=(height, width))

    def _make_project(self, steps: int):
        return make_project(
            self.explorer.network,
            layers=self.explorer.layers,
            steps=steps,
            between=self._check,
            decoder=self.explorer.generator.decoder,
        )

    def _make_cloud(self, step: int | None, label: int) -> Cloud:
        of = self.explorer.generator
        return cloud(
            self.explorer.network,
            self._variables({'step': step}),
            latent=of.latent,
            latent_dim=of.latent_dim,
            class_counts=of.class_counts,
            label=label if of.num_classes else None,
        )
