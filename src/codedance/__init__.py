"""codedance: a vision-language model answers by writing Python, running it in a safe sandbox and looking at the result.

from codedance import OpenAIModel, Task, solve_now

model = OpenAIModel("Qwen2.5-VL-7B-Instruct", ["http://127.0.0.1:8000/v1"])
trace = solve_now(Task(id="1", question="How many coins are there?", images=("coins.png",)), model)

Names that need more than the types (asyncio, numpy, Pillow) are loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from codedance.errors import (
    CodeDanceError,
    ConfigError,
    ContextFull,
    DataError,
    JudgeError,
    ModelError,
    RequestRefused,
    SandboxError,
    StoreError,
    TrainError,
)
from codedance.types import (
    Coordinates,
    ExecError,
    ExecResult,
    ExecStatus,
    Execution,
    Isolation,
    Sampling,
    StopReason,
    Task,
    Trace,
    Turn,
    Usage,
)

if TYPE_CHECKING:
    from codedance.images.rules import ImageLimits as ImageLimits
    from codedance.images.rules import PixelRule as PixelRule
    from codedance.model.chat import ChatModel as ChatModel
    from codedance.model.chat import Message as Message
    from codedance.model.chat import ModelInfo as ModelInfo
    from codedance.model.chat import Reply as Reply
    from codedance.model.openai import OpenAIModel as OpenAIModel
    from codedance.model.script import ScriptedModel as ScriptedModel
    from codedance.rollout.loop import solve as solve
    from codedance.rollout.loop import solve_now as solve_now
    from codedance.rollout.runner import Runner as Runner
    from codedance.rollout.settings import Format as Format
    from codedance.rollout.settings import Settings as Settings
    from codedance.rollout.store import read_traces as read_traces
    from codedance.sandbox.blocking import SyncSandbox as SyncSandbox
    from codedance.sandbox.blocking import SyncSession as SyncSession
    from codedance.sandbox.box import Sandbox as Sandbox
    from codedance.sandbox.isolation import Mechanism as Mechanism
    from codedance.sandbox.limits import Limits as Limits
    from codedance.sandbox.session import Session as Session

_ON_USE = {
    "ChatModel": "model.chat",
    "Format": "rollout.settings",
    "ImageLimits": "images.rules",
    "Limits": "sandbox.limits",
    "Mechanism": "sandbox.isolation",
    "Message": "model.chat",
    "ModelInfo": "model.chat",
    "OpenAIModel": "model.openai",
    "PixelRule": "images.rules",
    "Reply": "model.chat",
    "Runner": "rollout.runner",
    "Sandbox": "sandbox.box",
    "ScriptedModel": "model.script",
    "Session": "sandbox.session",
    "Settings": "rollout.settings",
    "SyncSandbox": "sandbox.blocking",
    "SyncSession": "sandbox.blocking",
    "read_traces": "rollout.store",
    "solve": "rollout.loop",
    "solve_now": "rollout.loop",
}

__all__ = [
    "ChatModel",
    "CodeDanceError",
    "ConfigError",
    "ContextFull",
    "Coordinates",
    "DataError",
    "ExecError",
    "ExecResult",
    "ExecStatus",
    "Execution",
    "Format",
    "ImageLimits",
    "Isolation",
    "JudgeError",
    "Limits",
    "Mechanism",
    "Message",
    "ModelError",
    "ModelInfo",
    "OpenAIModel",
    "PixelRule",
    "Reply",
    "RequestRefused",
    "Runner",
    "Sampling",
    "Sandbox",
    "SandboxError",
    "ScriptedModel",
    "Session",
    "Settings",
    "StopReason",
    "StoreError",
    "SyncSandbox",
    "SyncSession",
    "Task",
    "Trace",
    "TrainError",
    "Turn",
    "Usage",
    "read_traces",
    "solve",
    "solve_now",
]


def __getattr__(name: str) -> object:
    if name not in _ON_USE:
        raise AttributeError(f"module 'codedance' has no attribute {name!r}")
    value = getattr(import_module(f"codedance.{_ON_USE[name]}"), name)
    globals()[name] = value
    return value
