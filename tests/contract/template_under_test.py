"""A template to be judged: as it is written, as the local stack reads it, and resolved.

Resolved, a parameter is its value, and what only AWS knows of a resource stands as `${Name}` or
`${Name.Attribute}`: the spelling of Fn::Sub, so that all ways to name one thing compare equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubsync_local.template.intrinsics import Scope, parse
from hubsync_local.template.model import Template
from hubsync_local.template.reader import template_of

PROJECT = Path(__file__).parents[2]
PATH = PROJECT / "template.yaml"
AWS = "http://127.0.0.1:3002"
# Every optional part on.
EVERYTHING = {
    "AlarmEmail": "ops@example.com",
    "DeploymentPreference": "Canary10Percent5Minutes",
    "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/ours",
    "ReserveConcurrency": "yes",
    "SnapStart": "PublishedVersions",
    "TableWarmWritesPerSecond": "8000",
}


@dataclass(frozen=True)
class Checked:
    document: dict[str, Any]
    template: Template  # as the local stack reads it, with the defaults
    default: dict[str, Any]  # resources, resolved with the defaults
    everything: dict[str, Any]  # and with every optional part

    def of_type(self, kind, resources=None):
        found = self.default if resources is None else resources
        return {name: each for name, each in found.items() if each["Type"] == kind}

    @property
    def environments(self):
        return {name: each.environment for name, each in self.template.functions.items()}

    @property
    def service_names(self):
        """What the functions' own metrics have as dimension `service`, by function."""
        return {
            name: each["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
            for name, each in self.of_type("AWS::Serverless::Function").items()
        }


def checked(text: str) -> Checked:
    """Read a template; raises TemplateError where the local stack cannot."""
    document = parse(text)
    template = template_of(document, PATH, aws=AWS)
    template_of(document, PATH, aws=AWS, parameters=EVERYTHING)
    return Checked(document, template, _resources(document, {}), _resources(document, EVERYTHING))


def _resources(document, parameters):
    declared = {name: each.get("Default") for name, each in document["Parameters"].items()}
    refs = _Names({**declared, **parameters, "AWS::NoValue": None})
    scope = Scope(refs=refs, attributes=_Attributes(), conditions=document["Conditions"])
    return {
        name: scope.resolve(each)
        for name, each in document["Resources"].items()
        if "Condition" not in each or scope.holds(each["Condition"])
    }


class _Names(Mapping):
    """Parameters by name; anything else is itself."""

    def __init__(self, known):
        self._known = known

    def __getitem__(self, name):
        return self._known.get(name, f"${{{name}}}")

    def __contains__(self, name):
        return True

    def __iter__(self):
        return iter(self._known)

    def __len__(self):
        return len(self._known)


class _Attributes(_Names):
    def __init__(self):
        super().__init__({})

    def __getitem__(self, name):
        return "${{{}.{}}}".format(*name)
