"""codedance: a vision-language model answers by writing Python, running it in a safe sandbox and looking at the result.

from codedance import SyncSandbox

with SyncSandbox() as box, box.session(images=["photo.jpg"]) as session:
    print(session.run("print(input_image.size)").stdout)
"""

from codedance.errors import CodeDanceError, ConfigError, DataError, JudgeError, ModelError, SandboxError, TrainError
from codedance.sandbox import Limits, Mechanism, Sandbox, Session, SyncSandbox, SyncSession
from codedance.types import ExecError, ExecResult, ExecStatus, Isolation

__all__ = [
    "CodeDanceError",
    "ConfigError",
    "DataError",
    "ExecError",
    "ExecResult",
    "ExecStatus",
    "Isolation",
    "JudgeError",
    "Limits",
    "Mechanism",
    "ModelError",
    "Sandbox",
    "SandboxError",
    "Session",
    "SyncSandbox",
    "SyncSession",
    "TrainError",
]
