"""Mathematics as models write it, as LaTeX that math-verify reads.

    latex("6*pi")                       # "6 \\cdot \\pi"
    latex("np.sqrt(3)/2")               # "\\frac{\\sqrt{3}}{2}"
    latex("2√3")                        # "2 \\cdot \\sqrt{3}"
    latex("x**2 + 1")                   # "x^{2} + 1"
    latex("\\frac{1}{2}")               # as it is
    latex("the larger one")             # None: no expression

What a model prints that computes with Python (math, numpy, sympy, Fraction) is parsed as Python, never run. Not covered:
statements, comparisons.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

_LONGEST = 400
_DEEPEST = 40
_FUNCTIONS = {
    "sin": "\\sin", "cos": "\\cos", "tan": "\\tan", "log": "\\ln", "ln": "\\ln", "asin": "\\arcsin", "acos": "\\arccos",
    "atan": "\\arctan", "arcsin": "\\arcsin", "arccos": "\\arccos", "arctan": "\\arctan",
    "log10": "\\log_{10}", "log2": "\\log_{2}",
}  # fmt: skip
_CONSTANTS = {
    "pi": "\\pi", "π": "\\pi", "inf": "\\infty", "oo": "\\infty", "E": "e", "I": "i", "j": "i", "θ": "\\theta", "α": "\\alpha",
    "β": "\\beta",
}  # fmt: skip
_MODULES = ("math", "np", "numpy", "sympy", "sp", "cmath", "fractions", "decimal", "torch", "S")
_CASTS = (
    "float64", "float32", "int64", "int32", "float", "int", "Integer", "Float", "Decimal", "array", "tensor", "simplify", "list",
    "tuple", "set", "Point", "FiniteSet",
)  # fmt: skip
_WORDS = re.compile(r"[A-Za-z]{2,}")
_KNOWN = frozenset(
    {
        *_FUNCTIONS,
        *_CONSTANTS,
        *_MODULES,
        *_CASTS,
        "sqrt",
        "exp",
        "cbrt",
        "Rational",
        "Fraction",
        "abs",
        "Abs",
        "factorial",
        "pow",
        "dtype",
    }
)
_ROOT = re.compile(r"√\s*(?:\(|(?P<of>[0-9]+(?:\.[0-9]+)?|[A-Za-zπ]))")
_REPLACED = str.maketrans({"×": "*", "·": "*", "⋅": "*", "∙": "*", "÷": "/", "^": "\x00", "∞": "oo", "’": "'", "π": "π"})
_TIMES = (
    (re.compile(r"(?<![A-Za-z_0-9.])([0-9]+(?:\.[0-9]+)?)\s*(?=[A-Za-zπ(])(?![eE][-+]?[0-9])"), r"\1*"),
    (re.compile(r"\)\s*(?=[0-9A-Za-zπ(])"), ")*"),
    (re.compile(r"π\s*(?=[A-Za-z0-9(])"), "π*"),
)
_TEXT = re.compile(r"\\(?:text|mathrm|textrm|textbf|mbox)\s*\{[^{}]*\}")
_KEYWORD = re.compile(r"[0-9.](?:and|or|if|in|is|else|for|not)", re.IGNORECASE)
_UNFINISHED = re.compile(r"//|[-+*/^=]\s*\Z")
"""Whole-number division, which mathematics writes otherwise, and an operator with nothing behind it."""
_COMMAND = re.compile(r"\\[A-Za-z]+")


def latex(text: str) -> str | None:
    """The LaTeX of an expression in LaTeX, Python or everyday signs; None for what is no expression."""
    said = text.strip()
    if not said or len(said) > _LONGEST:
        return None
    if "\\" in said:
        return None if _WORDS.search(_COMMAND.sub(" ", _TEXT.sub(" ", said))) else _signs(said)
    if any(word not in _KNOWN and not (len(word) <= 3 and word.isupper()) for word in _WORDS.findall(said)) and not _is_product(
        said
    ):
        return None
    for spelled in (said, _as_python(said)):
        if _KEYWORD.search(spelled):  # Python would warn
            continue
        try:
            return _write(ast.parse(spelled, mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError, _NoExpressionError):
            continue
    return None if _WORDS.search(said) or _UNFINISHED.search(said) else _signs(said)


class _NoExpressionError(Exception):
    """A piece of Python that is no mathematics."""


def _is_product(said: str) -> bool:
    """Two or three letters side by side, as in 2xy."""
    return all(len(word) <= 2 for word in _WORDS.findall(said) if word not in _KNOWN)


def _signs(said: str) -> str:
    """Everyday signs in LaTeX."""
    rooted = _ROOT.sub(lambda match: f"\\sqrt{{{match['of']}}}" if match["of"] else "\\sqrt(", said)
    return rooted.replace("π", "\\pi ").replace("×", "\\times ").replace("·", "\\cdot ").replace("°", "")


def _as_python(said: str) -> str:
    spelled = _ROOT.sub(lambda match: f"sqrt({match['of']})" if match["of"] else "sqrt(", said.translate(_REPLACED)).replace(
        "\x00", "**"
    )
    spelled = re.sub(r"\*\*\s*\{([^{}]*)\}", r"**(\1)", spelled)
    for pattern, replacement in _TIMES:
        spelled = pattern.sub(replacement, spelled)
    return spelled


def _write(node: ast.expr, depth: int = 0) -> str:
    if depth > _DEEPEST:
        raise _NoExpressionError
    match node:
        case ast.Constant(value=bool() | str() | bytes() | None):
            raise _NoExpressionError
        case ast.Constant(value=complex() as number):
            return f"{number.imag:g} i"
        case ast.Constant(value=float() as number):
            return _decimal(number)
        case ast.Constant(value=int() as number):
            return str(number)
        case ast.Name(id=name):
            return _name(name)
        case ast.Attribute(value=ast.Name(id=module), attr=name) if module in _MODULES:
            return _name(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"-{_inner(operand, depth, ast.BinOp)}"
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _write(operand, depth + 1)
        case ast.BinOp(left=left, op=operator, right=right):
            return _operation(left, operator, right, depth)
        case ast.Call(func=function, args=arguments):
            return _call(function, arguments, depth)
        case ast.Tuple(elts=items):
            return f"({_items(items, depth)})"
        case ast.List(elts=items):
            return f"[{_items(items, depth)}]"
        case ast.Set(elts=items):
            return f"\\{{{_items(items, depth)}\\}}"
        case _:
            raise _NoExpressionError


def _decimal(number: float) -> str:
    digits, _, exponent = repr(number).partition("e")
    return f"{digits} \\cdot 10^{{{int(exponent)}}}" if exponent else digits


def _name(name: str) -> str:
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    if name in _KNOWN:
        raise _NoExpressionError
    return " ".join(name) if name.isalpha() else name


def _operation(left: ast.expr, operator: ast.operator, right: ast.expr, depth: int) -> str:
    match operator:
        case ast.Add():
            return f"{_write(left, depth + 1)} + {_write(right, depth + 1)}"
        case ast.Sub():
            return f"{_write(left, depth + 1)} - {_inner(right, depth, ast.BinOp)}"
        case ast.Mult():
            return f"{_inner(left, depth, ast.BinOp)} \\cdot {_inner(right, depth, (ast.BinOp, ast.UnaryOp))}"
        case ast.Div():
            return f"\\frac{{{_write(left, depth + 1)}}}{{{_write(right, depth + 1)}}}"
        case ast.Pow():
            return f"{_inner(left, depth, (ast.BinOp, ast.UnaryOp))}^{{{_write(right, depth + 1)}}}"
        case _:
            raise _NoExpressionError


def _inner(node: ast.expr, depth: int, kinds: type[ast.expr] | tuple[type[ast.expr], ...]) -> str:
    """A part in brackets where it needs some; powers and fractions need none beside a product."""
    written = _write(node, depth + 1)
    bare = isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)) and isinstance(kinds, type)
    return f"({written})" if isinstance(node, kinds) and not bare else written


def _call(function: ast.expr, arguments: Sequence[ast.expr], depth: int) -> str:
    match function:
        case ast.Name(id=name):
            pass
        case ast.Attribute(value=ast.Name(id=module), attr=name) if module in _MODULES:
            pass
        case _:
            raise _NoExpressionError
    said = [_write(argument, depth + 1) for argument in arguments]
    match name, said:
        case "sqrt", [of]:
            return f"\\sqrt{{{of}}}"
        case "cbrt", [of]:
            return f"\\sqrt[3]{{{of}}}"
        case "exp", [of]:
            return f"e^{{{of}}}"
        case (("abs" | "Abs"), [of]):
            return f"|{of}|"
        case "factorial", [of]:
            return f"({of})!"
        case "log", [of, foot]:
            return f"\\frac{{\\ln({of})}}{{\\ln({foot})}}"
        case "pow", [of, power]:
            return f"({of})^{{{power}}}"
        case (("Rational" | "Fraction"), [above, below]):
            return f"\\frac{{{above}}}{{{below}}}"
        case (("Point" | "FiniteSet"), [_, _, *_]):
            return f"({', '.join(said)})" if name == "Point" else f"\\{{{', '.join(said)}\\}}"
        case _, [of] if name in _FUNCTIONS:
            return f"{_FUNCTIONS[name]}({of})"
        case _, [of] if name in _CASTS or name in ("Rational", "Fraction"):
            return of
        case _:
            raise _NoExpressionError


def _items(items: Sequence[ast.expr], depth: int) -> str:
    return ", ".join(_write(item, depth + 1) for item in items)
