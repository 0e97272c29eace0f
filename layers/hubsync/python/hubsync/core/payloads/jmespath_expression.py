"""An expression of a mapping: JMESPath, parsed once, and searched for mistakes before any payload.

What a payload can never mend is found here: wrong syntax, unknown functions, the wrong number of
arguments, names that are not there. `when = "type == 'x'"`, with `body.` forgotten, would ignore
every payload without a word.
"""

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

from jmespath.exceptions import JMESPathError
from jmespath.parser import Parser

from hubsync.core.payloads.jmespath_functions import Functions

type Node = dict[str, Any]

# Of these only the first child looks at what the node itself is given.
_CHAINS: Final = frozenset(
    {"subexpression", "index_expression", "pipe", "projection", "value_projection"}
    | {"filter_projection", "flatten"}
)


class Expression(NamedTuple):
    """JMESPath as it was written, and its syntax tree."""

    text: str
    tree: Node


def parse_expression(text: object, *, names: Collection[str]) -> Expression:
    """Return the expression that a text spells; ValueError says what is wrong with it.

    `names` are all that an expression can look up without a dot before it.
    """
    if not isinstance(text, str):
        raise ValueError(  # noqa: TRY004 - pydantic turns it into a fault
            'must be JMESPath in quotes; a constant is written "\'text\'" or "`12`"'
        )
    try:
        tree: Any = Parser().parse(text).parsed
    except JMESPathError as error:
        raise ValueError(f"is no JMESPath: {str(error).splitlines()[0].rstrip(':')}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if mistakes := [*_unknown_names(tree, names), *_misused(tree)]:
        raise ValueError("; ".join(mistakes))
    return Expression(text, _prepared(tree))


def _children(node: Node) -> list[Node]:
    return [child for child in node["children"] if isinstance(child, dict)]


def _unknown_names(tree: Node, names: Collection[str]) -> Iterator[str]:
    for name in sorted(_looked_up(tree) - set(names)):
        yield f"{name!r} is not there; an expression begins with one of {', '.join(names)}"


def _looked_up(node: Node) -> set[str]:
    """Return the names that are looked up where the expression itself begins."""
    if node["type"] == "field":
        return {node["value"]}
    if node["type"] == "expref":
        return set()
    children = _children(node)
    return set().union(*map(_looked_up, children[:1] if node["type"] in _CHAINS else children))


def _misused(node: Node, *, takes_expression: bool = False) -> Iterator[str]:
    """Yield what makes no sense in an expression, whatever the payload."""
    kind, children = node["type"], _children(node)
    if (kind == "expref") != takes_expression:
        yield "an expression with & belongs where a function takes one, and nowhere else"
    takes = [False] * len(children)
    if kind in _CHAINS - {"pipe"} and children[0]["type"] == "not_expression":
        yield "! belongs to the name beside it alone; write !(a.b) instead of !a.b"
    if kind == "function_expression":
        mistake, takes = _check_call(node["value"], len(children))
        yield from mistake
    for child, expression in zip(children, takes, strict=True):
        yield from _misused(child, takes_expression=expression)


def _check_call(name: str, count: int) -> tuple[list[str], list[bool]]:
    """Return what is wrong with a call, and for each argument whether it is an expression."""
    known = Functions.FUNCTION_TABLE.get(name)
    if known is None:
        return [f"there is no function {name}()"], [False] * count
    signature = known["signature"]
    takes = ["expref" in parameter["types"] for parameter in signature]
    variadic = bool(signature[-1].get("variadic"))
    if count < len(signature) or (count > len(signature) and not variadic):
        least = "at least " if variadic else ""
        return [f"{name}() takes {least}{len(signature)} arguments, not {count}"], [False] * count
    return [], takes + [False] * (count - len(takes))


def _prepared(node: Node) -> Node:
    """Return the tree with exact fractions, as payloads have them, and a node for each path.

    A path is `a.b.c`, and most expressions are one; followed at once it takes a fifth of the time.
    The tree is copied, since the parser keeps its own for the next one who asks.
    """
    if node["type"] == "literal":
        return {**node, "value": _exact_value(node["value"])}
    if node["type"] == "subexpression" and all(n["type"] == "field" for n in node["children"]):
        return {"type": "path", "children": [], "value": [n["value"] for n in node["children"]]}
    children = [_prepared(c) if isinstance(c, dict) else c for c in node["children"]]
    return {**node, "children": children}


def _exact_value(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    match value:
        case float():
            return Decimal(repr(value))
        case list():
            return [_exact_value(element) for element in value]
        case dict():
            return {name: _exact_value(member) for name, member in value.items()}
        case _:
            return value
