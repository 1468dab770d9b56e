"""What a cell does, read from its syntax tree: crop, draw, threshold, count, ...

    find_operations("input_image.crop((0, 0, 50, 50)).resize((500, 500)).show()")    # (CROP, RESIZE, SHOW)

A reading of names and forms, not of what ran: a call behind `if False` counts, one made through a variable does not. Code that
does not parse is read by its calls alone. Not covered: the order, and how often.
"""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterator

from codedance.report.operation_names import Operation, common_aliases, look_up, look_up_method

_MOST_CODE = 200_000
_CALL = re.compile(r"\b([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\(")
_ORIGINAL = re.compile(r"\boriginal_images?\b")
_FLIP = re.compile(r"FLIP|ROTATE|TRANSPOSE|TRANSVERSE")
_ORDER = {operation: place for place, operation in enumerate(Operation)}
_NUMBERS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
_ORDERINGS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_PLACED = {
    *(Operation.CROP, Operation.RESIZE, Operation.ROTATE, Operation.COMPOSE),
    *(Operation.DRAW_BOX, Operation.DRAW_LINE, Operation.DRAW_TEXT, Operation.DRAW_SHAPE),
}
"""Sums in the arguments of these only say where."""


def find_operations(code: str) -> tuple[Operation, ...]:
    """What `code` does, each kind once, in the order of `Operation`; raises nothing, whatever the text is."""
    code = code[:_MOST_CODE]
    try:
        found = set(_Reader(_parse(code)).operations())
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # also null characters and nesting without end
        found = set(_from_text(code))
    return tuple(sorted(found, key=_ORDER.__getitem__))


def _parse(code: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the model's escapes and literals
        return ast.parse(code)


def _from_text(code: str) -> Iterator[Operation]:
    if _ORIGINAL.search(code):
        yield Operation.READ_ORIGINAL
    aliases = common_aliases()
    for match in _CALL.finditer(code):
        root, *rest = match.group(1).split(".")
        operation = look_up(".".join([aliases.get(root, root), *rest])) or (look_up_method(rest[-1]) if rest else None)
        if operation is not None:
            yield operation


class _Reader:
    """One cell: its nodes, and what its names stand for."""

    def __init__(self, tree: ast.Module) -> None:
        self._nodes = list(ast.walk(tree))
        assigned = {node.id for node in self._nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        self._aliases = {name: meaning for name, meaning in common_aliases().items() if name not in assigned}
        for node in self._nodes:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self._aliases |= _imported(node)
        self._calls = [(node, self._of_call(node)) for node in self._nodes if isinstance(node, ast.Call)]

    def operations(self) -> Iterator[Operation]:
        for call, operation in self._calls:
            if operation is not None:
                yield operation
            if self._counts_a_mask(call):
                yield Operation.THRESHOLD
        for node in self._nodes:
            if isinstance(node, ast.Subscript):
                yield from _of_subscript(node)
            elif isinstance(node, (ast.Name, ast.Attribute)):
                yield from self._of_name(node)
            elif isinstance(node, ast.BinOp) and _is_mask(node):
                yield Operation.THRESHOLD
        if self._computes():
            yield Operation.ARITHMETIC

    def _of_name(self, node: ast.Name | ast.Attribute) -> Iterator[Operation]:
        if isinstance(node, ast.Name) and _ORIGINAL.fullmatch(node.id):
            yield Operation.READ_ORIGINAL
        name = self._dotted(node) or ""
        if name.startswith("PIL.ImageFilter.") and (operation := look_up(name)):  # named, not called: filter(ImageFilter.BLUR)
            yield operation

    def _of_call(self, call: ast.Call) -> Operation | None:
        name = self._dotted(call.func)
        operation = look_up(name) if name else None
        if operation is not None or not isinstance(call.func, ast.Attribute) or self._is_of_library(call.func):
            return operation
        arguments = " ".join(ast.unparse(value) for value in call.args[:1])
        match call.func.attr:
            case "transpose":
                return Operation.ROTATE if _FLIP.search(arguments) else None
            case "point":
                return Operation.THRESHOLD if arguments.startswith("lambda") else Operation.DRAW_SHAPE
            case method:
                return look_up_method(method)

    def _dotted(self, node: ast.expr) -> str | None:
        """The full name of `a.b.c`, imports resolved; None where it starts with something that is no name."""
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        unknown = f"{self._aliases['*']}.{node.id}" if "*" in self._aliases and not hasattr(builtins, node.id) else node.id
        return ".".join([self._aliases.get(node.id, unknown), *reversed(names)])

    def _is_of_library(self, function: ast.Attribute) -> bool:
        """Whether it is a function of a module, so that its last name alone says nothing."""
        root: ast.expr = function
        while isinstance(root, ast.Attribute):
            root = root.value
        return isinstance(root, ast.Name) and root.id in self._aliases

    def _counts_a_mask(self, call: ast.Call) -> bool:
        """`(grey < 90).sum()`, `np.where(grey < 90)`."""
        if not isinstance(call.func, ast.Attribute):
            return False
        is_array = (self._dotted(call.func) or "").split(".")[0] in ("numpy", "cv2", "scipy")
        return _is_mask(call.func.value) or (is_array and any(_is_mask(value) for value in call.args))

    def _computes(self) -> bool:
        """Whether numbers are combined for their own sake, not to say a place in a picture."""
        places: list[ast.AST] = [node.slice for node in self._nodes if isinstance(node, ast.Subscript)]
        places += [value for call, operation in self._calls if operation in _PLACED for value in call.args]
        placed = {id(inner) for place in places for inner in ast.walk(place)}
        return any(_is_sum(node) for node in self._nodes if isinstance(node, ast.BinOp) and id(node) not in placed)


def _imported(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        return {alias.asname or alias.name: module if alias.name == "*" else f"{module}.{alias.name}" for alias in node.names}
    return {alias.asname or (root := alias.name.split(".")[0]): alias.name if alias.asname else root for alias in node.names}


def _of_subscript(node: ast.Subscript) -> Iterator[Operation]:
    if _is_mask(node.slice):
        yield Operation.THRESHOLD
    if not isinstance(node.slice, ast.Tuple) or (isinstance(node.value, ast.Attribute) and node.value.attr in ("loc", "iloc")):
        return
    slices = [part for part in node.slice.elts if isinstance(part, ast.Slice)]
    bounded = [part for part in slices if part.lower is not None or part.upper is not None]
    steps = [ast.unparse(part.step) for part in slices if part.step is not None]
    if len(slices) >= 2 and bounded:
        yield Operation.COMPOSE if isinstance(node.ctx, ast.Store) else Operation.CROP
    elif _picks_channels(node.slice.elts):
        yield Operation.COLOUR
    elif "-1" in steps:
        yield Operation.ROTATE
    elif len(steps) >= 2:
        yield Operation.RESIZE


def _picks_channels(parts: list[ast.expr]) -> bool:
    """`a[..., 0]`, `a[:, :, 2]`, `a[:, :, ::-1]`."""
    first, last = parts[:-1], parts[-1]
    is_rest = [ast.unparse(part) for part in first] in (["..."], [":", ":"])
    return is_rest and (isinstance(last, ast.Constant) or ast.unparse(last) == "::-1")


def _is_mask(node: ast.AST) -> bool:
    """A comparison that makes an array of yes and no, as far as one can tell; a column of a table is none."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        return _is_mask(node.operand)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
        return _is_mask(node.left) or _is_mask(node.right)
    if not isinstance(node, ast.Compare) or not all(isinstance(op, _ORDERINGS) for op in node.ops):
        return False
    left = node.left
    is_column = isinstance(left, ast.Attribute) or (
        isinstance(left, ast.Subscript) and isinstance(left.slice, ast.Constant) and isinstance(left.slice.value, str)
    )
    return not is_column


def _is_sum(node: ast.BinOp) -> bool:
    """Of numbers, not of texts or lists."""
    return isinstance(node.op, _NUMBERS) and not any(_is_text(side) for side in (node.left, node.right))


def _is_text(node: ast.expr) -> bool:
    while isinstance(node, ast.BinOp):
        if _is_text(node.right):
            return True
        node = node.left
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in ("str", "repr", "list", "input")
    is_string = isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
    return is_string or isinstance(node, (ast.JoinedStr, ast.List, ast.Tuple, ast.ListComp))
