"""CloudFormation's language, as far as the local stack speaks it: YAML tags and functions.

Known: Ref, Fn::GetAtt, Fn::Sub, Fn::If, Fn::Join, Fn::Equals and Fn::Not. Anything else is an error
that names it, so that a template never means one thing here and another in AWS.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

type Tree = str | int | float | bool | list[Tree] | dict[str, Tree] | None

PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")


class TemplateError(Exception):
    """The template says what the local stack does not understand. The operator's to mend."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What expressions may refer to; `resolve` replaces every expression of a tree by its value."""

    refs: Mapping[str, str | None] = field(default_factory=dict)
    attributes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    conditions: Mapping[str, Tree] = field(default_factory=dict)

    def resolve(self, tree: Tree) -> Tree:
        match tree:
            case list():
                return [value for item in tree if (value := self.resolve(item)) is not None]
            case dict() if (call := _call(tree)) is not None:
                return self._value(*call)
            case dict():
                items = ((name, self.resolve(item)) for name, item in tree.items())
                # AWS::NoValue resolves to None: what holds it is as if it were not written.
                return {name: value for name, value in items if value is not None}
            case _:
                return tree

    def holds(self, condition: str) -> bool:
        if condition not in self.conditions:
            raise TemplateError(f"condition {condition!r} is not defined under Conditions")
        return self.resolve(self.conditions[condition]) is True

    def _value(self, function: str, argument: Tree) -> Tree:
        match function, argument:
            case "Ref", str(name):
                return self._ref(name)
            case "Fn::GetAtt", [str(name), str(attribute)]:
                return self._attribute(name, attribute)
            case "Fn::Sub", str(pattern):
                return self._sub(pattern, {})
            case "Fn::Sub", [str(pattern), dict(names)]:
                return self._sub(pattern, {name: self.resolve(v) for name, v in names.items()})
            case "Fn::If", [str(condition), then, otherwise]:
                return self.resolve(then if self.holds(condition) else otherwise)
            case "Fn::Join", [str(separator), list(items)]:
                return separator.join(text(self.resolve(item)) for item in items)
            case "Fn::Equals", [left, right]:
                return text(self.resolve(left)) == text(self.resolve(right))
            case "Fn::Not", [operand]:
                return self.resolve(operand) is not True
            case _:
                raise TemplateError(f"{function} of {argument!r} is not known to the local stack")

    def _ref(self, name: str) -> str | None:
        if name not in self.refs:
            raise TemplateError(
                f"Ref {name!r} is no parameter and no resource known to the local stack"
            )
        return self.refs[name]

    def _attribute(self, name: str, attribute: str) -> str:
        if (name, attribute) not in self.attributes:
            raise TemplateError(f"GetAtt {name}.{attribute} is not known to the local stack")
        return self.attributes[name, attribute]

    def _sub(self, pattern: str, names: Mapping[str, Tree]) -> str:
        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in names:
                return text(names[name])
            resource, dot, attribute = name.partition(".")
            return self._attribute(resource, attribute) if dot else text(self._ref(name))

        return PLACEHOLDER.sub(value, pattern)


def parse(document: str) -> dict[str, Tree]:
    """Parse a template; short forms such as `!Ref X` become `{"Ref": "X"}`."""
    try:
        tree = yaml.load(document, Loader=_Loader)  # noqa: S506 - a SafeLoader with our tags
    except yaml.YAMLError as error:
        raise TemplateError(f"the template is not YAML: {error}") from error
    if not isinstance(tree, dict):
        raise TemplateError("the template is no mapping")
    return tree


def text(value: Tree) -> str:
    """Write a scalar as CloudFormation does where it wants a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _call(tree: dict[str, Tree]) -> tuple[str, Tree] | None:
    if len(tree) != 1:
        return None
    [(name, argument)] = tree.items()
    return (name, argument) if name == "Ref" or name.startswith("Fn::") else None


class _Loader(yaml.CSafeLoader):  # Measured: ten times as fast as the one in Python.
    pass


def _tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Tree]:
    # YAML may have keys that are no strings; in a template they would be a mistake anyway.
    argument: Any = None
    match node:
        case yaml.ScalarNode():
            argument = loader.construct_scalar(node)
        case yaml.SequenceNode():
            argument = loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            argument = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(argument, str):
        argument = argument.split(".", 1)
    return {"Ref" if suffix == "Ref" else f"Fn::{suffix}": argument}


_Loader.add_multi_constructor("!", _tag)
