"""Puts a node's modules together: what is there for the reader's sake is taken out before they are compiled.

Each name costs a node a place among the names that it never gives back, and a constant that modules share one more in
the table of each of them. So, in the texts of all modules at once:

- whole numbers that are named once and for all stand where they are used, and nowhere else;
- what no module names goes: functions, classes, tables and texts; and what is for type checkers;
- names with an underscore, which are a module's or a class's own, become short ones that all modules share, and so do
  the arguments that no call names.

Everything else is left as it is written, to the letter. Sources stay as they are: this is for the files of a node.
"""

from __future__ import annotations

import ast
import itertools
import operator
import re
import string
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
_PRIVATE = re.compile(r"_(?!_)\w+")
_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.LShift: lambda left, right: left << right,
    ast.BitOr: lambda left, right: left | right,
}
_TYPES_ONLY = "TYPE_CHECKING"
_Node = TypeVar("_Node", bound=ast.AST)
_Placed = ast.stmt | ast.expr | ast.arg | ast.keyword


def link(sources: Mapping[str, str], is_kept: Callable[[str], bool] = lambda _: False) -> dict[str, str]:
    """Return the texts to compile, by module as in `sources`: {"node.link": text}. Raises SyntaxError.

    `is_kept` tells of a name whether others than these modules use it.
    """
    program = _Program(sources)
    while _prune(program, is_kept):  # what goes may have been the only one to name something else
        pass
    for name in program.trees:
        _inline(program, name)
    _shorten(program)
    return {name: text.edited() for name, text in program.texts.items()}


class _Text:
    """A module's text and the edits to it: bytes that stand instead of others. What was taken out stays out."""

    def __init__(self, text: str) -> None:
        self._data = text.encode()
        self._starts = [0, *itertools.accumulate(len(line) for line in self._data.splitlines(keepends=True))]
        self._edits: dict[tuple[int, int], str] = {}

    def replace(self, node: _Placed, text: str) -> None:
        """Let `text` stand instead of a node."""
        self._edits[self._span(node)] = text

    def rename(self, node: _Placed, old: str, new: str) -> None:
        """Give the name that a node has, or is, another form."""
        start, end = self._span(node)
        if isinstance(node, ast.Attribute):
            start = end - len(old)
        elif isinstance(node, ast.stmt):
            start = self._data.index(b" " + old.encode(), start) + 1  # behind "def", "async def", "class"
        self._edits.setdefault((start, start + len(old)), new)  # what is a number by now stays one

    def edited(self) -> str:
        """The text with all edits; of two that overlap, the outer one."""
        parts: list[bytes] = []
        at = 0
        for (start, end), text in sorted(self._edits.items(), key=lambda edit: (edit[0][0], -edit[0][1])):
            if start >= at:
                parts += [self._data[at:start], text.encode()]
                at = end
        return b"".join([*parts, self._data[at:]]).decode()

    def _span(self, node: _Placed) -> tuple[int, int]:
        end = self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        return self._starts[node.lineno - 1] + node.col_offset, end


class _Program:
    """`trees`, `texts`, `imports`, `constants` by module; `imports[module][name]` is (module, name there or "")."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.trees = {name: ast.parse(text, name) for name, text in sources.items()}
        self.texts = {name: _Text(text) for name, text in sources.items()}
        self.imports = {name: dict(self._imported(name)) for name in self.trees}
        self.constants: dict[str, dict[str, int]] = {name: {} for name in self.trees}
        self._once = {name: set(_stored_once(tree)) for name, tree in self.trees.items()}
        while sum(self._find_constants(name) for name in self.trees):  # those of one module make those of another
            pass

    def named(self, module: str, name: str) -> int | None:
        """The whole number that a name is in a module; None if it is none."""
        if name in self.constants.get(module, {}):
            return self.constants[module][name]
        origin, there = self.imports.get(module, {}).get(name, ("", ""))
        return self.named(origin, there) if there else None

    def value(self, module: str, node: ast.expr) -> int | None:
        """The whole number that an expression in a module is, once and for all; None if it is none."""
        match node:
            case ast.Constant(value=int(value)) if not isinstance(value, bool):
                return value
            case ast.Name(id=name):
                return self.named(module, name)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                origin, there = self.imports[module].get(name, ("", ""))
                return None if there else self.named(origin, attribute)
            case ast.Call(func=ast.Name(id="const"), args=[inner]):
                return self.value(module, inner)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                value = self.value(module, operand)
                return None if value is None else -value
            case ast.BinOp(left=left, op=op, right=right):
                values = self.value(module, left), self.value(module, right)
                if values[0] is None or values[1] is None or type(op) not in _OPERATORS:
                    return None
                return _OPERATORS[type(op)](values[0], values[1])
            case _:
                return None

    def assigned(self, module: str, statement: ast.stmt) -> dict[str, int]:
        """The constants that a statement of a module makes; {} if it does anything else besides."""
        match statement:
            case ast.Assign(targets=targets, value=value) if all(_ids(targets)):
                names, values = _ids(targets), [self.value(module, value)] * len(targets)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=parts)):
                names, values = _ids(targets), [self.value(module, part) for part in parts]
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Call(func=ast.Name(id="range"))):
                names, values = _ids(targets), list(range(len(targets)))
            case _:
                return {}
        found = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        return found if len(found) == len(values) and found.keys() <= self._once[module] else {}

    def family(self, module: str) -> set[str]:
        """A module, and those that the bases of its classes come from."""
        found = {module}
        for node in _nodes(self.trees[module], ast.ClassDef):
            for base in _ids(node.bases):
                origin = self.imports[module].get(base, ("", ""))[0]
                if origin in self.trees:
                    found |= self.family(origin)
        return found

    def _find_constants(self, module: str) -> bool:
        before = len(self.constants[module])
        for statement in self.trees[module].body:
            self.constants[module].update(self.assigned(module, statement))
        return len(self.constants[module]) > before

    def _imported(self, module: str) -> Iterator[tuple[str, tuple[str, str]]]:
        for node in _nodes(self.trees[module], ast.ImportFrom):
            origin = self._origin(module, node)
            for alias in node.names:
                whole = f"{origin}.{alias.name}"
                yield alias.asname or alias.name, (whole, "") if whole in self.trees else (origin, alias.name)

    def _origin(self, module: str, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        is_package = any(name.startswith(f"{module}.") for name in self.trees)
        parts = module.split(".")
        parts = parts[: len(parts) - node.level + is_package]
        return ".".join([*parts, *([node.module] if node.module else [])])


def _prune(program: _Program, is_kept: Callable[[str], bool]) -> bool:
    """Take out what no module names, if there is any."""
    named = {name for tree in program.trees.values() for name in _named(tree)}
    gone = [
        (module, part)
        for module, tree in program.trees.items()
        for part in tree.body
        if _is_for_nobody(part, lambda name: name in named or is_kept(name))
    ]
    for module, part in gone:
        program.texts[module].replace(part, "")
        program.trees[module].body.remove(part)
    return bool(gone)


def _inline(program: _Program, module: str) -> None:
    """Put constants where they are used in a module, and take their names out of it."""
    tree, text = program.trees[module], program.texts[module]
    gone = [part for part in tree.body if program.assigned(module, part)]
    for statement in gone:
        text.replace(statement, "")
    # Those of numbers, and in what is gone by now; those of anything else.
    names: dict[bool, set[str]] = {True: {"const"}, False: set()}
    names[True] |= {node.id for part in gone for node in _nodes(part, ast.Name)}
    parts: list[tuple[ast.AST, ast.AST]] = [(part, tree) for part in tree.body if part not in gone]
    while parts:
        node, parent = parts.pop()
        value = program.value(module, node) if isinstance(node, ast.Name | ast.Attribute) else None
        if isinstance(node, ast.Name | ast.Attribute) and value is not None:
            is_bare = value >= 0 and not isinstance(parent, ast.Attribute)
            text.replace(node, str(value) if is_bare else f"({value})")
            node = node.value if isinstance(node, ast.Attribute) else node
        else:
            parts += [(part, node) for part in ast.iter_child_nodes(node)]
        if isinstance(node, ast.Name):
            names[value is not None].add(node.id)
    for statement in _nodes(tree, ast.ImportFrom):
        if any((alias.asname or alias.name) in names[True] - names[False] for alias in statement.names):
            text.replace(statement, _import(statement, names[True] - names[False]))


def _import(statement: ast.ImportFrom, without: set[str]) -> str:
    """The text of an import without some of what it imports."""
    names = [alias for alias in statement.names if (alias.asname or alias.name) not in without]
    return ast.unparse(ast.ImportFrom(statement.module, names, statement.level)) if names else "pass"


def _shorten(program: _Program) -> None:
    """Give private names, and arguments that no call names, short forms."""
    kept = {"self"}.union(*(_unplaced(tree) for tree in program.trees.values()))
    short = _short_names(program, kept)
    kept |= {node.arg or "" for tree in program.trees.values() for node in _nodes(tree, ast.keyword)}
    for module, tree in program.trees.items():
        for node, name in _private(tree):
            program.texts[module].rename(node, name, short.get(name, name))
        _number_arguments(program.texts[module], [tree], {name: name for name in kept}, 0)


def _short_names(program: _Program, kept: set[str]) -> dict[str, str]:
    """Short forms; names that can meet in one module, or in a class and its bases, have different ones."""
    trees = program.trees.items()
    own = {module: {name for _, name in _private(tree)} - program.constants[module].keys() for module, tree in trees}
    defined = {name for tree in program.trees.values() for name in _defined(tree)}
    groups = [set[str]().union(*(own[name] for name in program.family(module))) for module in program.trees]
    names = set[str]().union(*own.values())
    short = {name: name for name in names if name not in defined or name in kept}
    for name in sorted(names - short.keys(), key=lambda name: (-sum(name in group for group in groups), name)):
        taken = {short.get(other) for group in groups if name in group for other in group}
        short[name] = next(form for form in _forms() if form not in taken)
    return short


def _number_arguments(text: _Text, nodes: Iterable[ast.AST], outer: Mapping[str, str], start: int) -> None:
    """Give the arguments of functions in `nodes` numbers from `start` on; `outer`: what is decided of other names."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            body = node.body if isinstance(node.body, list) else [node.body]
            names = [argument.arg for argument in node.args.args if argument.arg not in outer]
            others = [node.args.vararg, node.args.kwarg, *node.args.kwonlyargs]
            within = {**outer, **{name: f"_{number}" for number, name in enumerate(names, start)}}
            within |= {argument.arg: argument.arg for argument in others if argument}
            for argument in node.args.args:
                text.rename(argument, argument.arg, within[argument.arg])
            _number_arguments(text, body, within, start + len(names))
            outside = [part for part in _parts(node) if part not in body]  # defaults are not within the function
            _number_arguments(text, outside, outer, start)
        else:
            if isinstance(node, ast.Name) and node.id in outer:
                text.rename(node, node.id, outer[node.id])
            _number_arguments(text, _parts(node), outer, start)


def _forms() -> Iterator[str]:
    for length in itertools.count(1):
        for letters in itertools.product(string.ascii_lowercase, repeat=length):
            yield "_" + "".join(letters)


def _private(tree: ast.Module) -> Iterator[tuple[_Placed, str]]:
    """Each private name in a module, and the node that has it."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.Name(id=name)
                | ast.Attribute(attr=name)
                | ast.arg(arg=name)
                | ast.keyword(arg=str(name))
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ) if _PRIVATE.fullmatch(name):
                yield node, name
            case _:
                pass


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case _:
                pass


def _unplaced(tree: ast.Module) -> Iterator[str]:
    """Names that stand where no edit reaches them: in texts, imports, `global`, `except ... as`."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.alias(name=name, asname=other):
                yield from (name, other or "")
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from names
            case ast.ExceptHandler(name=str(name)):
                yield name
            case _:
                pass


def _named(tree: ast.Module) -> Iterator[str]:
    """Every name that a module uses in any way but to define it."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load() | ast.Del()) | ast.Attribute(attr=name):
                yield name
            case _:
                pass
    yield from _unplaced(tree)


def _is_for_nobody(statement: ast.stmt, is_used: Callable[[str], bool]) -> bool:
    """Whether a statement is for type checkers, or only defines a function, a class or literals that nobody uses."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return not is_used(name)
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if _CONSTANT.fullmatch(name) and not is_used(name):
            return all(isinstance(node, ast.Constant | ast.Tuple | ast.expr_context) for node in ast.walk(value))
        case ast.If(test=ast.Name(id=name)):
            return name == _TYPES_ONLY
        case ast.Try(body=[ast.ImportFrom(names=[ast.alias(name=name)])]):
            return name == _TYPES_ONLY
        case _:
            return False


def _stored_once(tree: ast.Module) -> Iterator[str]:
    stored = Counter(node.id for node in _nodes(tree, ast.Name) if isinstance(node.ctx, ast.Store))
    return (name for name, count in stored.items() if count == 1 and _CONSTANT.fullmatch(name))


def _parts(node: ast.AST) -> list[ast.AST]:
    """What a node is made of; of the arguments of a function, their defaults."""
    parts = list(ast.iter_child_nodes(node))
    return [part for part in parts if not isinstance(part, ast.arg)]


def _ids(nodes: Iterable[ast.expr]) -> list[str]:
    return [node.id if isinstance(node, ast.Name) else "" for node in nodes]


def _nodes(tree: ast.AST, kind: type[_Node]) -> list[_Node]:
    return [node for node in ast.walk(tree) if isinstance(node, kind)]
