"""How names that a library removed are given back to code of the session, each use with a note.

    replace_names(np, "NumPy", "np", {"product": "numpy.prod", "lookfor": Hint("there is no search in docstrings")})
    replace_methods(DataFrame, "pandas", {"iteritems": "items"})
    rename_keywords(Axes, "hist", "Matplotlib", {"normed": "density"})
    after_import("pandas", install)         # runs at the import of pandas, or now

A replacement is the path of an object ("numpy.prod"), an `Own` object, or a `Hint`: then the AttributeError says what to do.
Names are given to the session's own code only; for libraries they stay absent, or as they are where they are merely deprecated.
"""

from __future__ import annotations

import dis
import functools
import importlib
import importlib.machinery
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any

_MOST_NOTES = 12
_IMPORT_FROM = dis.opmap["IMPORT_FROM"]
_notes: dict[str, None] = {}
_OURS = __file__.removesuffix(os.path.join("compat", "removed.py"))
_library_folders: tuple[str, ...] = (_OURS, "<frozen", "<__array_function__", *(folder + os.sep for folder in sys.path if folder))
_waiting: dict[str, list[Callable[[ModuleType], None]]] = {}


@dataclass(frozen=True, slots=True)
class Own:
    """An object of ours that stands for a removed one."""

    value: Any
    used: str
    """What the note calls it."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Nothing stands for the name; what to write instead."""

    text: str


Replacement = str | Own | Hint
Keywords = Mapping[str, str | None | Callable[[Any], dict[str, Any]]]
Translate = Callable[[tuple[Any, ...], dict[str, Any]], tuple[tuple[Any, ...], dict[str, Any]]]


def note(text: str) -> None:
    """Tell the model once a cell."""
    if text not in _notes and len(_notes) < _MOST_NOTES:
        _notes[text] = None


def take_notes() -> list[str]:
    """The notes since the last call."""
    taken = list(_notes)
    _notes.clear()
    return taken


def is_guest(frame: FrameType | None) -> bool:
    """Whether `frame` runs code of the session: a cell, or a module that it wrote."""
    return frame is not None and not frame.f_code.co_filename.startswith(_library_folders)


def _calls_from_guest() -> bool:
    """Whether the function that asks was called by code of the session."""
    return is_guest(sys._getframe(2))


def replace_names(module: ModuleType, library: str, prefix: str, names: Mapping[str, Replacement]) -> None:
    """Give the session's code the removed `names` of `module`, which it writes as `prefix`.NAME."""
    before = module.__dict__.get("__getattr__")
    gone = {name: replacement for name, replacement in names.items() if name not in module.__dict__}
    for name in names.keys() - gone.keys():
        text = f"{prefix}.{name} is deprecated in {library}; {_name(names[name])} replaces it"
        module.__dict__[name] = _noting(module.__dict__[name], text)

    def __getattr__(name: str) -> Any:
        if name in gone and is_guest(sys._getframe(1)):
            return _given(module, f"{prefix}.{name}", library, name, gone[name])
        if before is not None:
            return before(name)
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}", name=name, obj=module)

    module.__dict__["__getattr__"] = __getattr__


def replace_methods(owner: type, library: str, names: Mapping[str, Replacement]) -> None:
    """Give the session's code the removed methods and attributes `names` of `owner`.

    A path names another method of the class; the function of an `Own` gets the instance first. A column of that name wins.
    """
    for name, replacement in names.items():
        if name not in owner.__dict__:
            setattr(owner, name, RemovedMethod(owner, name, library, replacement))


def rename_keywords(owner: Any, function: str, library: str, keywords: Keywords) -> None:
    """Let `owner.function` take old keywords: under a new name, dropped (None), or translated to several by a function."""
    setattr(owner, function, with_old_keywords(getattr(owner, function), function, library, keywords))


def with_old_keywords(usual: Callable[..., Any], function: str, library: str, keywords: Keywords) -> Callable[..., Any]:
    """`usual`, taking old keywords too."""

    def translate(args: tuple[Any, ...], given: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        for old in keywords.keys() & given.keys():
            new, value = keywords[old], given.pop(old)
            more = {} if new is None else {new: value} if isinstance(new, str) else new(value)
            given = {**more, **given}
            told = f"{', '.join(f'{name}={_short(each)}' for name, each in more.items())} was used" if more else "it was left out"
            note(f"{function}({old}=...) was removed from {library}; {told}")
        return args, given

    return _translating(usual, translate)


def allow_positional(owner: Any, function: str, library: str, parameters: Sequence[str], free: int) -> None:
    """Let `owner.function` take positionally what is keyword-only now: `parameters` in their old order after `free` others."""

    def translate(args: tuple[Any, ...], given: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if len(args) <= free or len(args) > free + len(parameters):
            return args, given
        named = dict(zip(parameters, args[free:], strict=False))
        if named.keys() & given.keys():
            return args, given
        used = ", ".join(f"{name}=..." for name in named)
        note(f"{function}() takes {', '.join(named)} by name only in this {library}; {function}({used}) was used")
        return args[:free], {**named, **given}

    translate_arguments(owner, function, translate)


def after_import(name: str, apply: Callable[[ModuleType], None]) -> None:
    """Call `apply(module)` right after the module `name` is imported, or now if it is."""
    if name in sys.modules:
        apply(sys.modules[name])
        return
    if not any(isinstance(finder, _AfterImport) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AfterImport())
    _waiting.setdefault(name, []).append(apply)


def add_module(name: str, library: str, prefix: str, names: Mapping[str, Replacement]) -> None:
    """Make a removed module importable; it has nothing but `names`."""
    module = ModuleType(name, f"Stands for a module that was removed from {library}.")
    module.__path__ = []
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    replace_names(module, library, prefix, names)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], child, module)


def translate_arguments(owner: Any, name: str, translate: Translate) -> None:
    """Let `translate` change the arguments of each call of `owner.name`."""
    setattr(owner, name, _translating(getattr(owner, name), translate))


def _translating(usual: Callable[..., Any], translate: Translate) -> Callable[..., Any]:
    @functools.wraps(usual)
    def call(*args: Any, **given: Any) -> Any:
        args, given = translate(args, given)
        return usual(*args, **given)

    return call


def _short(value: Any) -> str:
    return repr(value) if isinstance(value, (str, bool, int, type(None))) else "..."


def _noting(usual: Any, text: str) -> Any:
    if not callable(usual) or isinstance(usual, type):
        return usual

    @functools.wraps(usual)
    def call(*args: Any, **given: Any) -> Any:
        if _calls_from_guest():
            note(text)
        return usual(*args, **given)

    return call


def _given(owner: Any, shown: str, library: str, name: str, replacement: Replacement) -> Any:
    if isinstance(replacement, Hint):
        text = f"{shown} is not in this {library}: {replacement.text}"
        frame = sys._getframe(2)
        if frame.f_code.co_code[frame.f_lasti] == _IMPORT_FROM:  # which would replace the text of an AttributeError
            raise ImportError(text, name=name)
        raise AttributeError(text, name=name, obj=owner)
    note(f"{shown} was removed from {library}; {_name(replacement)} was used")
    return _resolve(replacement) if isinstance(replacement, str) else replacement.value


def _name(replacement: Replacement) -> str:
    if isinstance(replacement, Hint):
        return replacement.text
    if isinstance(replacement, Own):
        return replacement.used
    return replacement.removeprefix("builtins.").replace("numpy.", "np.").replace("matplotlib.pyplot.", "plt.")


def _resolve(path: str) -> Any:
    """The object at a dotted path; the longest importable part of it is a module."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        return functools.reduce(getattr, parts[end:], found)
    raise LookupError(path)


class RemovedMethod:
    """Stands in a class for an attribute that was removed; absent for everyone but the session's code."""

    def __init__(self, owner: type, name: str, library: str, replacement: Replacement) -> None:
        self._name, self._library, self._replacement = name, library, replacement
        self._shown = f"{owner.__name__}.{name}"

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None or not is_guest(sys._getframe(1)) or self._name in getattr(instance, "_info_axis", ()):
            raise AttributeError(f"{owner.__name__!r} object has no attribute {self._name!r}")
        replacement = self._replacement
        if isinstance(replacement, Hint):
            raise AttributeError(f"{self._shown} is not in this {self._library}: {replacement.text}")
        note(f"{self._shown} was removed from {self._library}; {_name(replacement)} was used")
        if isinstance(replacement, str):
            return functools.reduce(getattr, replacement.split("."), instance)
        return replacement.value.__get__(instance, owner)


class _AfterImport:
    """A finder in front of all others that finds nothing itself, but lets `apply` run after a module was loaded."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        waiting = _waiting.pop(name, None)
        if waiting is None:
            return None
        spec = next(filter(None, (f.find_spec(name, path, target) for f in sys.meta_path if f is not self)), None)
        if spec is None or spec.loader is None:
            _waiting[name] = waiting
            return None
        loader: Any = spec.loader
        usual = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            usual(module)
            for apply in waiting:
                apply(module)

        loader.exec_module = exec_module
        return spec

    def invalidate_caches(self) -> None:
        """As finders have it."""
