"""Exported folders on the Hugging Face Hub, by its own client, the extra 'hub'.

$HF_ENDPOINT names another server, $HF_TOKEN the account, as the client documents.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gan_jax.exported import description, own_code
from gan_jax.exported.options import REPOSITORY
from gan_jax.exported.read import WEIGHTS
from gan_jax.runtime import environment
from gan_jax.runtime.errors import UNAVAILABLE, UserError, sentence

NAME = re.compile(rf'({REPOSITORY.pattern})(?:@([A-Za-z0-9][\w./-]*))?')
# The files of a generator; a repository may hold other and larger ones.
FILES = (description.NAME, WEIGHTS, f'{own_code.FOLDER}/*.py')


def is_name(source: str) -> bool:
    """True for 'user/repository' and 'user/repository@revision', unless there is such a path."""
    return NAME.fullmatch(source) is not None and not Path(source).exists()


def require() -> Any:
    """The client.

    Raises:
        UserError: it is not installed (69).
    """
    try:
        import huggingface_hub
    except ImportError as error:
        raise UserError(
            f"the Hub's client is missing: {environment.install('hub')}", UNAVAILABLE
        ) from error
    return huggingface_hub


def pull(name: str) -> Path:
    """The folder of a generator of the Hub; what has not changed since the last time stays.

    It is kept in ~/.cache/gan_jax/hub, or below $XDG_CACHE_HOME.

    Args:
        name: 'user/repository', or 'user/repository@revision'.

    Raises:
        UserError: there is no such repository, or no way to it (69).
    """
    try:
        client = require()
    except UserError as error:
        raise UserError(
            f'there is no folder {name} here; if it is a repository of the Hub, {error}',
            error.status,
        ) from error
    repository, revision = NAME.fullmatch(name).groups()
    cache = Path(os.environ.get('XDG_CACHE_HOME') or '~/.cache').expanduser()
    folder = cache / 'gan_jax' / 'hub' / re.sub(r'[/@]', '--', name)
    _asked(
        name,
        lambda: client.snapshot_download(
            repository, revision=revision, local_dir=folder, allow_patterns=[*FILES]
        ),
    )
    if not (folder / description.NAME).is_file():
        raise UserError(
            f'{name} on the Hub is no generator of gan_jax: it has no {description.NAME}',
            UNAVAILABLE,
        )
    return folder


def push(folder: Path, name: str) -> str:
    """Uploads a folder to a repository, which is made if needed; returns the repository's address.

    Args:
        folder: an exported one, whole.
        name: 'user/repository'.

    Raises:
        UserError: the Hub refuses it, or there is no way to it (69); the folder stays.
    """
    client = require()

    def upload() -> str:
        api = client.HfApi()
        address = api.create_repo(name, exist_ok=True)
        api.upload_folder(repo_id=name, folder_path=folder, commit_message='A generator of gan_jax')
        return str(address)

    return _asked(name, upload)


def _asked(name: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:  # of the client, of its HTTP library, of the system
        raise UserError(
            f'the Hub has no {name} for this account, or cannot be reached: {sentence(error)} (a '
            'folder of that name is not here; $HF_TOKEN or `hf auth login` give the account)',
            UNAVAILABLE,
        ) from error
