"""``if request.method == "POST":``: which HTTP methods each branch is for."""

import ast

ALL = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SUBMITTING = frozenset({"POST", "PUT", "PATCH", "DELETE"})

Methods = frozenset[str] | None


def narrowed(test: ast.expr, outer: Methods) -> tuple[Methods, Methods]:
    """The methods of the branch taken and of the other one; None means all of them."""
    named = _named(test)
    if named is None:
        return outer, outer
    chosen, certain = named
    start = ALL if outer is None else outer
    return start & chosen, start - chosen if certain else outer


def _named(test: ast.expr) -> tuple[frozenset[str], bool] | None:
    """The methods for which ``test`` may be true, and whether it is surely true for them."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _named(operand)
            return (ALL - inner[0], True) if inner and inner[1] else None
        case ast.BoolOp(op=ast.And(), values=values):
            for value in values:
                if (inner := _named(value)) is not None:
                    return inner[0], False
        case ast.Compare(left=left, ops=[operator], comparators=[right]) if _is_method(left):
            words = _words(right)
            if words and isinstance(operator, ast.Eq | ast.In):
                return words, True
            if words and isinstance(operator, ast.NotEq | ast.NotIn):
                return ALL - words, True
        case ast.Await(value=inner):
            return _named(inner)
        case ast.Call(func=ast.Attribute(attr=verb)) if verb.startswith(("validate_on_submit", "is_submitted")):
            return SUBMITTING, False
        case _:
            pass
    return None


def _is_method(node: ast.expr) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id=owner), attr="method"):
            return "req" in owner.lower()
        case ast.Attribute(value=ast.Attribute(attr=owner), attr="method"):
            return "req" in owner.lower()
        case ast.Attribute(attr="http_method"):
            return True
        case ast.Call(func=ast.Attribute(value=inner, attr="upper")):
            return _is_method(inner)
        case _:
            return False


def _words(node: ast.expr) -> frozenset[str]:
    parts = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return frozenset(
        part.value.upper() for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )
