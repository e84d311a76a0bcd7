"""Small faults that a hand or an editor makes, as operators on Python's syntax tree.

Each operator takes a node of the tree and gives pairs: a node, itself or within it, and what may
stand in its place. What only speaks (docstrings, annotations, the sentences of errors and logs) is
left alone: `sites` does not give it.
"""

import ast
import copy
from collections.abc import Callable, Iterator

Replacements = Iterator[tuple[ast.AST, ast.AST]]

# Of a call that says something to a person and returns nothing.
SPOKEN = ('print', 'warn', 'print_exc')
# Fields of the tree that compute nothing that a test could see.
UNTOUCHED = ('annotation', 'returns', 'decorator_list', 'bases')

TURNED = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
OPPOSITE = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
ORDERED = (ast.Sub, ast.Div, ast.MatMult, ast.Pow, ast.BitOr)
SIBLINGS = {
    **{'min': 'max', 'max': 'min', 'minimum': 'maximum', 'maximum': 'minimum'},
    **{'all': 'any', 'any': 'all', 'mean': 'sum', 'sum': 'mean', 'std': 'var', 'var': 'std'},
    **{'floor': 'ceil', 'ceil': 'floor', 'argmin': 'argmax', 'argmax': 'argmin'},
    **{'zeros': 'ones', 'ones': 'zeros', 'zeros_like': 'ones_like', 'ones_like': 'zeros_like'},
    **{'sin': 'cos', 'cos': 'sin', 'relu': 'abs', 'stack': 'concatenate'},
}
# Calls in which two arguments swapped are the same, or an error at once.
UNSWAPPED = ('isinstance', 'getattr', 'setattr', 'hasattr', 'named')
UNSWAPPED += ('min', 'max', 'minimum', 'maximum', 'promote_types')


def sites(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Every node that an operator may change, and the dotted name of the function around it."""
    yield from _sites(tree, '')


def _sites(node: ast.AST, function: str) -> Iterator[tuple[ast.AST, str]]:
    if _speaks(node):
        return
    yield node, function
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        function = f'{function}.{node.name}'.lstrip('.')
    for child in _children(node):
        yield from _sites(child, function)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    untouched = UNTOUCHED
    if isinstance(node, ast.ClassDef):
        untouched += ('keywords',)
    if called(node) == 'isinstance':  # a union of types is the same in any order
        untouched += ('args',)
        yield node.args[0]
    for name, value in ast.iter_fields(node):
        if name not in untouched:
            children = value if isinstance(value, list) else [value]
            yield from (child for child in children if isinstance(child, ast.AST))


def _speaks(node: ast.AST) -> bool:
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # a docstring
    if isinstance(node, ast.If) and '__name__' in ast.unparse(node.test):
        return True
    return isinstance(node, ast.Call) and (
        called(node) in SPOKEN or called(node).endswith(('Error', 'Warning'))
    )


def called(node: ast.AST) -> str:
    """The last name of what a call calls, 'mean' of `jnp.mean(x)`; '' where it has none."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ''


def turned(node: ast.AST) -> Replacements:
    """A comparison at its bound, and the other way round."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in TURNED[type(node.ops[0])]:
            yield node, ast.Compare(node.left, [other()], node.comparators)


def negated(node: ast.AST) -> Replacements:
    """A condition that holds where it did not."""
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        if not isinstance(node.test, ast.Compare | ast.BoolOp):  # those have operators of their own
            yield node.test, ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield node, ast.BoolOp(other, node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node, node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield node, ast.Constant(not node.value)


def unguarded(node: ast.AST) -> Replacements:
    """A check whose branch, which raises, leaves or reports, is never taken."""
    if isinstance(node, ast.If) and not node.orelse and len(node.body) == 1:
        (body,) = node.body
        leaves = isinstance(body, ast.Raise | ast.Return | ast.Continue | ast.Break)
        if leaves or (isinstance(body, ast.Expr) and isinstance(body.value, ast.Yield)):
            yield node.test, ast.Constant(False)


def deleted(node: ast.AST) -> Replacements:
    """A statement that is gone, where the names that it binds stay bound."""
    call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    if (call and not _speaks(node.value)) or isinstance(node, ast.AugAssign):
        yield node, ast.Pass()
    if isinstance(node, ast.Assign):
        read = {name.id for name in ast.walk(node.value) if isinstance(name, ast.Name)}
        (target, *_) = node.targets
        bound = isinstance(target, ast.Name) and target.id in read
        if bound or isinstance(target, ast.Attribute | ast.Subscript):
            yield node, ast.Pass()


def swapped(node: ast.AST) -> Replacements:
    """Two arguments, or the two sides of an operation, in each other's place."""
    if isinstance(node, ast.Call) and len(node.args) > 1 and called(node) not in UNSWAPPED:
        first, second, *rest = node.args
        if not any(isinstance(x, ast.Starred) for x in (first, second)):
            yield node, _with(node, args=[second, first, *rest])
    ordered = isinstance(node, ast.BinOp) and isinstance(node.op, ORDERED)
    if ordered and not (_of_text(node) or _is_set(node.left) or _is_set(node.right)):
        yield node, ast.BinOp(node.right, node.op, node.left)


def shifted(node: ast.AST) -> Replacements:
    """A number one more, and one less."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield node, ast.Constant(node.value + 1)
        yield node, ast.Constant(node.value - 1)


def signed(node: ast.AST) -> Replacements:
    """Plus for minus, times for over, and the other way round; a minus that is gone."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node, node.operand
    operation = isinstance(node, ast.BinOp | ast.AugAssign) and not _of_text(node)
    if operation and type(node.op) in OPPOSITE:
        yield node, _with(node, op=OPPOSITE[type(node.op)]())


def rekeyed(node: ast.AST) -> Replacements:
    """A random key that another draw has too: a purpose less, or the key without its fold."""
    if called(node) == 'named':
        key, *purpose = node.args
        for i, part in enumerate(purpose):
            if not isinstance(part, ast.Starred):
                rest = purpose[:i] + purpose[i + 1 :]
                yield node, (_with(node, args=[key, *rest]) if rest else key)
    if called(node) == 'fold_in':
        yield node, node.args[0]


def passed_on(node: ast.AST) -> Replacements:
    """A returned value without its last operation; a pair in the other order."""
    if not isinstance(node, ast.Return):
        return
    value = node.value
    if isinstance(value, ast.Call):
        method = isinstance(value.func, ast.Attribute) and not isinstance(
            value.func.value, ast.Name
        )
        operands = [value.func.value] if method else value.args[:1]
        yield from ((value, x) for x in operands if not isinstance(x, ast.Starred))
    if isinstance(value, ast.BinOp):
        yield value, value.left
    if isinstance(value, ast.IfExp):
        yield value, value.body
        yield value, value.orelse
    if isinstance(value, ast.Tuple):
        yield value, ast.Tuple(value.elts[::-1], ast.Load())


def unset(node: ast.AST) -> Replacements:
    """A call without one of its keywords, which then has its default."""
    if isinstance(node, ast.Call):
        for i, keyword in enumerate(node.keywords):
            # A zip that is strict states what holds: without the word it is the same.
            if keyword.arg not in (None, 'strict'):
                yield node, _with(node, keywords=node.keywords[:i] + node.keywords[i + 1 :])


def mistaken(node: ast.AST) -> Replacements:
    """A function for its sibling: the minimum for the maximum, a sum for a mean."""
    if (name := called(node)) in SIBLINGS:
        other = SIBLINGS[name]
        function = copy.deepcopy(node.func)
        if isinstance(function, ast.Name):
            function.id = other
        else:
            function.attr = other
        yield node, _with(node, func=function)


OPERATORS: dict[str, Callable[[ast.AST], Replacements]] = {
    'comparison turned': turned,
    'condition negated': negated,
    'guard removed': unguarded,
    'statement deleted': deleted,
    'arguments swapped': swapped,
    'number ± 1': shifted,
    'sign flipped': signed,
    'key reused': rekeyed,
    'other value returned': passed_on,
    'keyword dropped': unset,
    'sibling called': mistaken,
}


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _of_text(node: ast.AST) -> bool:
    """True if an operation is on texts, lists or paths, and has no opposite."""
    if isinstance(node, ast.BinOp):
        return _of_text(node.left) or _of_text(node.right)
    if isinstance(node, ast.AugAssign):
        return _of_text(node.value)
    kinds = ast.JoinedStr | ast.List | ast.Tuple | ast.ListComp
    text = isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    return text or isinstance(node, kinds) or called(node) == 'str'


def _is_set(node: ast.AST) -> bool:
    """True if a node is a set, whose union is the same in any order."""
    return isinstance(node, ast.Set | ast.SetComp) or called(node) in ('keys', 'set')
