"""What can go wrong, one class per boundary that was crossed.

    CodeDanceError
    |-- ConfigError     a setting, flag or recipe is wrong
    |-- DataError       an image, a task file or a trace cannot be used
    |-- ModelError      a model endpoint failed
    |   |-- ContextFull     the conversation is longer than the model can read
    |   `-- RequestRefused  the server refuses the request, now and later
    |-- SandboxError    the machinery that runs code failed (never the code itself: that is an ExecResult)
    |   `-- IsolationError    it cannot lock code in as well as was asked for
    |-- StoreError      a run's folder cannot be written
    |-- JudgeError      a judge could not decide
    `-- TrainError      training cannot go on

    try:
        result = await session.run(code)
    except SandboxError as error:       # our machinery; retrying elsewhere may help
        ...

A failed rollout is data and raises nothing; a broken environment is one of these. The message names what happened, the
value, what is allowed and the next step.
"""


class CodeDanceError(Exception):
    """Any error that codedance raises on purpose."""


class ConfigError(CodeDanceError, ValueError):
    """A setting has a value that is not allowed."""


class DataError(CodeDanceError, ValueError):
    """Input data (an image, a task, a trace) cannot be used."""


class ModelError(CodeDanceError):
    """A model could not be asked or its reply could not be read."""


class ContextFull(ModelError):
    """The conversation is longer than the model can read; asking again cannot help."""


class RequestRefused(ModelError):
    """The server refuses the request; asking it again brings the same.

    `concerns_all`: every request would be refused for the same reason (a wrong key, a field, no tool parser), so that a run
    ends at the first one; else it may be about this conversation alone.
    """

    def __init__(self, message: str, *, concerns_all: bool = False) -> None:
        super().__init__(message)
        self.concerns_all = concerns_all


class SandboxError(CodeDanceError):
    """The sandbox itself is missing something or broke; code that fails inside it is an `ExecResult` instead."""


class IsolationError(SandboxError):
    """A lower isolation level is to be had here than was required.

    `level`: the one that is to be had; `reasons`: what is missing for the other, and what to do about it.
    """

    def __init__(self, level: int, require: int, reasons: str) -> None:
        super().__init__(level, require, reasons)
        self.level, self.require, self.reasons = level, require, reasons

    def __str__(self) -> str:
        return self.told(f"Sandbox(require={self.level})")

    def told(self, lower: str) -> str:
        """The message, for a reader who asks for less by `lower`."""
        return (
            f"isolation level {self.level} is available here, level {self.require} is required. Missing:\n{self.reasons}\n"
            f"To accept less, ask for it: {lower}. `codedance doctor` has the details."
        )


class StoreError(CodeDanceError):
    """A run's folder cannot be written any more."""


class JudgeError(CodeDanceError):
    """A judge gave no usable verdict."""


class TrainError(CodeDanceError):
    """Training cannot start or go on."""
