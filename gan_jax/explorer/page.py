"""The page: controls of gradio, whose values `Actions` makes HTML of."""

import functools
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from gan_jax.data.pictures import decode
from gan_jax.explorer import controls, markup
from gan_jax.explorer.actions import Actions
from gan_jax.runtime.errors import PartError, UserError
from gan_jax.runtime.loopback import HOST

MOST_LISTED = 1000  # classes in a list; of more the number is typed
SECOND = 100  # number of the second image at first
IN_A_ROW = 4  # sliders
STEPS = 300  # of a projection: half a minute for digits on a CPU
NO_W = (
    'This generator takes one latent for all its layers: two images have no styles to mix, and a '
    'picture of your own is not looked for.'
)
FIRST = "The discriminator's score of the picture follows: its program is being compiled."
FONTS = ['system-ui', 'sans-serif']
MONO = ['ui-monospace', 'monospace']
CSS = """
figure { margin: 0; }
.picture img { width: min(100%, 448px); image-rendering: pixelated; display: block; }
.picture figcaption { margin-top: 0.5em; }
.picture a { text-decoration: underline; }
[data-testid="min-value"], [data-testid="max-value"], span.or { color: inherit !important; }
.row-of-images { display: flex; flex-wrap: wrap; gap: 1em; }
.row-of-images figure { width: 128px; }
.row-of-images img { width: 128px; image-rendering: pixelated; display: block; }
"""


class Parts(NamedTuple):
    """The things that the sections of the page share.

    Attributes:
        gr: the module gradio.
        actions: of the generator.
        given: the controls of a picture by name, see `controls.choice_of`.
        found: the w of an own picture, a `gradio.State`.
    """

    gr: Any
    actions: Actions
    given: Mapping[str, Any]
    found: Any

    def calling(self, act: Callable, outputs: Sequence, more: Sequence = ()) -> dict[str, Any]:
        """Options of a gradio event that lets it call `act(values, found, *more)`.

        A fault of the values becomes its sentence in a corner of the page.
        """

        def told(found, *values):
            own = dict(zip(self.given, values[len(more) :], strict=True))
            try:
                return act(own, found, *values[: len(more)])
            except (UserError, PartError) as error:
                # gradio takes the message for HTML, and it may quote the name of a file.
                raise self.gr.Error(escape(str(error)), print_exception=False) from error

        inputs = [self.found, *more, *self.given.values()]
        return dict(fn=told, inputs=inputs, outputs=[*outputs], api_visibility='private')


def app_of(actions: Actions, title: str):
    """The page as an ASGI application that loads nothing from the web and reports nothing to it.

    Args:
        actions: of the generator.
        title: of the page, any text.
    """
    import fastapi
    import gradio as gr

    return gr.mount_gradio_app(
        fastapi.FastAPI(openapi_url=None),
        build(gr, actions, title),
        path='/',
        server_name=HOST,
        theme=gr.themes.Base(font=FONTS, font_mono=MONO),
        css=CSS,
        max_file_size=decode.LARGEST_FILE,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
    )


def build(gr: Any, actions: Actions, title: str):
    """The page as `gradio.Blocks`.

    Args:
        gr: the module gradio.
        actions, title: as in `app_of`.
    """
    with gr.Blocks(analytics_enabled=False, title=title) as page:
        gr.HTML(f'<h1>{escape(title)}</h1>')
        found = gr.State(None)
        with gr.Row():
            with gr.Column(min_width=320):
                shown = gr.HTML(elem_id='picture')
                score = gr.HTML(markup.sentence(FIRST) if actions.run else '', elem_id='score')
            with gr.Column(min_width=320):
                given = _image_controls(gr, actions)
                following = gr.Button('Next image', elem_id='next')
        moves = _direction_sliders(gr, actions)
        parts = Parts(gr, actions, given | moves, found)
        shows = _showing(parts, shown, score)
        changes = [page.load, *(part.change for part in parts.given.values())]
        shows(functools.partial(gr.on, changes, trigger_mode='always_last'))
        number = given['number']
        following.click(_next, [number, found], [number, found], api_visibility='private')
        _films(parts, moves)
        if actions.run is not None:
            _training_images(parts)
        if actions.explorer.layers:
            _own_picture(parts, shows)
        else:
            gr.HTML(f'<p>{NO_W}</p>')
    return page


def _showing(parts: Parts, shown: Any, score: Any) -> Callable[[Callable], None]:
    """(event of gradio) -> lets it draw the picture, and D's score once the picture is there."""
    drawn = parts.calling(parts.actions.picture, [shown]) | dict(show_progress='hidden')
    judged = parts.calling(parts.actions.score, [score]) | dict(show_progress='hidden')

    def shows(event: Callable) -> None:
        after = event(**drawn)
        if parts.actions.run is not None:
            after.then(**judged)

    return shows


def _next(number: float | None, found: Any) -> tuple[int, None]:
    """The number of the next image, without the own picture."""
    return int(number or 0) + 1, None


def _image_controls(gr: Any, actions: Actions) -> dict[str, Any]:
    """The controls of a picture without its directions, by name."""
    explorer, found = actions.explorer, {}
    found['number'] = gr.Number(0, label='Number of the image', precision=0, minimum=0)
    if count := explorer.generator.num_classes:
        kind = controls.label_title(explorer)
        if count <= MOST_LISTED:
            choices = controls.class_choices(explorer)
            found['label'] = gr.Dropdown(choices, value=0, label=kind, filterable=False)
        else:
            found['label'] = gr.Number(0, label=f'{kind}, 0 to {count - 1}', precision=0)
    if actions.run is not None:
        steps = [(f'{step:,}', step) for step in actions.run.steps]
        at = explorer.generator.step
        found['step'] = gr.Dropdown(steps, value=at, label='Checkpoint, in steps', filterable=False)
    if explorer.truncates:
        limit = controls.LARGEST_THRESHOLD
        label = f'Truncation of the latents, in standard deviations ({limit:g}: none)'
        found['truncation'] = gr.Slider(0.1, limit, limit, step=0.1, label=label)
    if explorer.psi is not None:
        label = 'Truncation of w: psi (0: the average, 1: none)'
        found['psi'] = gr.Slider(0, 1, explorer.psi, step=0.05, label=label)
    found['other'] = gr.Number(SECOND, label='Number of a second image', precision=0, minimum=0)
    if layers := explorer.layers:
        label = f'Layers of the second image: from this one on ({layers}: none)'
        found['first'] = gr.Slider(0, layers, layers, step=1, label=label)
    return found


def _direction_sliders(gr: Any, actions: Actions) -> dict[str, Any]:
    """A slider for each direction, by its name; none where the generator has no directions."""
    try:
        count = len(actions.explorer.directions.vectors)
    except UserError as error:
        gr.HTML(f'<p>{escape(str(error))}</p>')
        return {}
    far = controls.FARTHEST
    gr.HTML(
        '<h2>Directions</h2><p>Each moves the first layers by more than the next one does; in '
        'standard deviations.</p>'
    )
    sliders = {}
    for first in range(0, count, IN_A_ROW):
        with gr.Row():
            for i in range(first, min(first + IN_A_ROW, count)):
                sliders[f'move_{i}'] = gr.Slider(
                    -far, far, 0, step=0.1, label=f'Direction {i + 1}', elem_id=f'move-{i}'
                )
    back = gr.Button('All directions to 0', elem_id='back')
    back.click(lambda: [0] * count, None, [*sliders.values()], api_visibility='private')
    return sliders


def _films(parts: Parts, moves: Mapping[str, Any]) -> None:
    gr, actions = parts.gr, parts.actions
    gr.HTML('<h2>Films</h2>')
    with gr.Row():
        buttons = [
            (gr.Button('To the second image', elem_id='film-to-second'), actions.to_second, ())
        ]
        if actions.run is not None:
            over = gr.Button('Over the checkpoints', elem_id='film-over-time')
            buttons.append((over, actions.over_time, ()))
        if moves:
            names = [(f'Direction {i + 1}', i) for i in range(len(moves))]
            which = gr.Dropdown(names, value=0, label='Direction of the film', filterable=False)
            along = gr.Button('Along this direction', elem_id='film-along')
            buttons.append((along, actions.along, (which,)))
    film = gr.HTML(elem_id='film')
    for button, act, more in buttons:
        button.click(**parts.calling(act, [film], more))


def _training_images(parts: Parts) -> None:
    gr = parts.gr
    gr.HTML('<h2>Nearest training images</h2>')
    button, found = gr.Button('Look for them', elem_id='look'), gr.HTML(elem_id='nearest')
    button.click(**parts.calling(parts.actions.nearest, [found]))


def _own_picture(parts: Parts, shows: Callable) -> None:
    """The section that looks for a file's picture in w and goes on from there."""
    gr = parts.gr
    gr.HTML('<h2>Your picture</h2><p>The w whose image is nearest to it is looked for; then all '
            'controls go on from there.</p>')  # fmt: skip
    with gr.Row():
        file = gr.File(label='A picture', file_types=[*decode.SUFFIXES], elem_id='file')
        steps = gr.Slider(50, 1000, STEPS, step=50, label='Steps of the search')
    with gr.Row():
        look = gr.Button('Look for it in w', elem_id='project')
        leave = gr.Button('Back to the numbered image', elem_id='leave')
    pair = gr.HTML(elem_id='pair')

    def project(values, found, path, steps):
        if path is None:
            raise UserError('there is no picture yet: choose a file')
        return parts.actions.project(path, values, int(steps))

    def go_back(values, found):
        return None, ''

    for button, act, more in ((look, project, (file, steps)), (leave, go_back, ())):
        event = button.click(**parts.calling(act, [parts.found, pair], more))
        shows(event.success)
