"""A model that says what it was told to say: for tests, demonstrations, and for trying a run without a model.

    ScriptedModel(["<code>print(input_image.size)</code>", "<answer>7</answer>"])      # the Nth reply of every conversation
    ScriptedModel(lambda messages, sampling: f"<answer>{len(messages)}</answer>")      # whatever a function makes of it

On the command line: script:FILE, a JSON list of replies or a Python file with a function `reply(messages, sampling)`.
Not covered: token counts; a script uses none.
"""

from __future__ import annotations

import inspect
import json
import runpy
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from codedance.errors import ConfigError, ModelError
from codedance.images import digest_bytes
from codedance.model.chat import Message, Reply, Role
from codedance.types import Sampling

Script = Callable[[Sequence[Message], Sampling], "str | Reply | Awaitable[str | Reply]"]


class ScriptedModel:
    """Replies from a list, by how many replies the conversation has already, or from a function (which may be async)."""

    def __init__(self, script: Sequence[str | Reply] | Script, name: str = "script") -> None:
        self.name = name
        self.variant = "" if callable(script) else digest_bytes(repr(script).encode())
        """What shapes replies beside the name and the sampling; a cache keeps variants apart."""
        self._script = script

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """As `ChatModel.generate`.

        Raises:
            ModelError: the list has no further reply.
        """
        if callable(self._script):
            made = self._script(messages, sampling)
            said = await made if inspect.isawaitable(made) else made
        else:
            index = sum(message.role is Role.ASSISTANT for message in messages)
            if index >= len(self._script):
                raise ModelError(f"{self.name}: reply {index + 1} was asked for, the script has {len(self._script)}; add one")
            said = self._script[index]
        if not isinstance(said, (str, Reply)):
            raise ModelError(f"{self.name}: the script gave {type(said).__name__}; a reply is a text or a Reply")
        return said if isinstance(said, Reply) else Reply(text=said)


def read_script(path: Path) -> ScriptedModel:
    """The model that a file describes.

    Raises:
        ConfigError: the file cannot be read or is neither of the two kinds.
    """
    name = f"script:{path}"
    if path.suffix == ".py":
        model = ScriptedModel(_function_in(path), name)
        model.variant = digest_bytes(path.read_bytes())
        return model
    try:
        replies = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: the script cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: the script is no JSON: {error}; a JSON list of replies or a .py file is needed") from None
    if not isinstance(replies, list) or not all(isinstance(reply, str) for reply in replies):
        raise ConfigError(f"{path}: the script must be a JSON list of texts, one for each reply")
    return ScriptedModel(replies, name)


def _function_in(path: Path) -> Script:
    try:
        made = runpy.run_path(str(path)).get("reply")
    except OSError as error:
        raise ConfigError(f"{path}: the script cannot be read: {error.strerror}") from None
    except Exception as error:  # boundary: a script is anybody's code
        raise ConfigError(f"{path}: the script fails: {type(error).__name__}: {error}") from None
    if not callable(made):
        raise ConfigError(f"{path}: a script in Python needs a function reply(messages, sampling); there is none")
    function: Script = made
    return function
