"""What the expressions of a mapping find in one payload, within a budget of steps.

Expressions are the operator's and payloads the sender's. Together they can be costly: an expression
that goes through the whole body, once for each of a thousand elements. So steps are counted.
"""

from typing import Any, Final

from jmespath.exceptions import JMESPathTypeError
from jmespath.functions import TYPES_MAP
from jmespath.visitor import Options, TreeInterpreter

from hubsync.core.json_codec import Json
from hubsync.core.payloads.jmespath_expression import Expression
from hubsync.core.payloads.jmespath_functions import Functions, Unusable, steps_of

type Scope = dict[str, Json]

# Nodes that make nothing new, so that the size of what they find costs nothing.
_PASSING_ON: Final = frozenset(
    {"subexpression", "index_expression", "pipe", "path", "field", "index", "current", "identity"}
    | {"literal", "or_expression", "and_expression"}
)
_FALSE: Final[tuple[Json, ...]] = ("", [], {})


class Failed(Exception):
    """An expression has no value for this payload. The message quotes nothing of it."""


class TooCostly(Exception):
    """The budget of steps is used up."""


class Evaluation(TreeInterpreter):
    """Evaluates expressions for one payload. A step is a node of an expression, visited once."""

    def __init__(self, steps_max: int) -> None:
        super().__init__(Options(custom_functions=Functions(self._spend)))
        self.steps_left = steps_max

    def value(self, expression: Expression, scope: Scope) -> Json:
        """Return what an expression finds; raises Failed, or TooCostly."""
        try:
            found: Json = self.visit(expression.tree, scope)
        except JMESPathTypeError as error:
            given = TYPES_MAP.get(error.actual_type, error.actual_type)
            raise Failed(f"{error.function_name}() does not take this: {given}") from None
        except Unusable as error:
            raise Failed(str(error)) from None
        except (TypeError, ValueError, ArithmeticError):
            # What the library lets through, such as text compared with a number.
            raise Failed("cannot be worked out for this payload") from None
        return found

    def is_true(self, expression: Expression, scope: Scope) -> bool:
        """Return what JMESPath takes for true: all but false, null and what is empty."""
        value = self.value(expression, scope)
        return value is not None and value is not False and value not in _FALSE

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the library's
        self.steps_left -= 1
        if self.steps_left < 0:
            raise TooCostly
        found = getattr(self, f"visit_{node['type']}")(node, *args, **kwargs)
        if node["type"] not in _PASSING_ON:
            self._spend(steps_of(found))
        return found

    def visit_path(self, node: Any, value: Any) -> Any:  # noqa: ANN401
        path = node["value"]
        self._spend(len(path))
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def _spend(self, steps: int) -> None:
        self.steps_left -= steps
        if self.steps_left < 0:
            raise TooCostly
