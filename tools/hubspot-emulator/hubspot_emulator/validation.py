"""The verdict on each input of a write, before anything is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hubspot_emulator import error_bodies
from hubspot_emulator.batch_operation import Crm, Operation
from hubspot_emulator.http_messages import Body
from hubspot_emulator.portal import ObjectType
from hubspot_emulator.property_values import (
    VALUE_CHARACTERS_MAX,
    Flaw,
    Rules,
    normalised_date,
    too_long,
    unknown,
)
from hubspot_emulator.request_body import Input
from hubspot_emulator.store import Record, unique_key


@dataclass(slots=True)
class Target:
    """The record that an input writes; `record` is None until it exists."""

    record: Record | None = None


@dataclass(slots=True)
class Write:
    """An input found good, with the values it stores."""

    item: Input
    target: Target
    values: Mapping[str, str]
    warnings: Sequence[Body] = ()


@dataclass(slots=True)
class Rejected:
    """An input found bad: flaws in its values, or a clash with another record."""

    item: Input
    flaws: Sequence[Flaw] = ()
    holder: Target | None = None
    taken: tuple[str, str] | None = None  # the property and the value, in forms that name them


@dataclass(slots=True)
class Judge:
    """Decides input by input what would be written, knowing what the batch already claims."""

    crm: Crm
    operation: Operation
    rules: Rules = field(init=False)
    claims: dict[tuple[str, str], Target] = field(default_factory=dict)
    targets: dict[str | tuple[str, str], Target] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rules = self.crm.rules[self.operation.kind.type_id]

    def judge(self, item: Input, target: Target, properties: Mapping[str, str]) -> Write | Rejected:
        kind = self.operation.kind
        warnings: list[Body] = []
        if self.operation.strict:
            properties, warnings = self._normalised(properties)
        values, flaws = self._checked(properties)
        if self.operation.strict and not flaws:
            flaws = missing_values(kind, target.record, values)
        if flaws:
            return Rejected(item, flaws)
        clash = self._claim(target, values)
        if clash is None:
            return Write(item, target, values, warnings)
        return self._clashing(item, *clash)

    def target(self, name: str, value: str) -> Target:
        """Find the record with a unique value, or the one this batch is about to create."""
        kind = self.operation.kind
        key = unique_key(kind, name, value)
        owner = self.crm.store.owner_by_key(kind, name, key)
        return self._target((name, key), None) if owner is None else self.existing(owner)

    def existing(self, record: Record) -> Target:
        return self._target(record.id, record)

    def _target(self, key: str | tuple[str, str], record: Record | None) -> Target:
        target = self.targets.get(key)
        if target is None:
            target = self.targets[key] = Target(record)
        return target

    def _checked(self, properties: Mapping[str, str]) -> tuple[dict[str, str], list[Flaw]]:
        checks = self.rules.checks
        values: dict[str, str] = {}
        flaws: list[Flaw] = []
        for name, value in properties.items():
            if name not in checks:
                flaws.append(unknown(name))
                continue
            if len(value) > VALUE_CHARACTERS_MAX:
                flaws.append(too_long(name, value))
                continue
            check = checks[name]
            if check is None:
                values[name] = value
                continue
            checked = check(value)
            if isinstance(checked, str):
                values[name] = checked
            else:
                flaws.append(replace(checked, name=name))
        return values, flaws

    def _normalised(self, properties: Mapping[str, str]) -> tuple[Mapping[str, str], list[Body]]:
        if self.crm.switches.date_normalisation_2026_09 == "off":
            return properties, []
        dates = self.rules.dates
        changed = {
            name: day
            for name in properties
            if name in dates and (day := normalised_date(properties[name])) != properties[name]
        }
        warnings = [
            error_bodies.normalised(name, properties[name], day) for name, day in changed.items()
        ]
        return {**properties, **changed}, warnings

    def _claim(self, target: Target, values: dict[str, str]) -> tuple[str, Target] | None:
        """Take the unique values for the target, or name the first that another record has."""
        if values.keys().isdisjoint(self.rules.unique):
            return None
        kind = self.operation.kind
        wanted = [
            (name, unique_key(kind, name, values[name]))
            for name in self.rules.unique
            if values.get(name)
        ]
        for claim in wanted:
            holder = self._holder(claim)
            if holder is not None and holder is not target:
                return claim[0], holder
        self.claims |= dict.fromkeys(wanted, target)
        return None

    def _holder(self, claim: tuple[str, str]) -> Target | None:
        owner = self.crm.store.owner_by_key(self.operation.kind, *claim)
        return self.claims.get(claim) if owner is None else self.existing(owner)

    def _clashing(self, item: Input, name: str, holder: Target) -> Rejected:
        """Observed: a taken e-mail is a conflict, another taken unique value a bad value."""
        kind = self.operation.kind
        if self.crm.switches.taken_value_form != "judgement":
            return Rejected(item, holder=holder, taken=(name, item.properties.get(name, item.id)))
        by_conflict = self.crm.switches.email_taken_on_write == "CONFLICT"
        if kind.is_contact and name == "email" and (by_conflict or self.operation.name == "create"):
            return Rejected(item, holder=holder)
        value = item.properties.get(name, item.id)
        owner = "Another input" if holder.record is None else holder.record.id
        return Rejected(item, [error_bodies.taken(self.crm.portal, kind, name, value, owner)])


def missing_values(
    kind: ObjectType, record: Record | None, values: Mapping[str, str]
) -> list[Flaw]:
    """Documented, for 2026-09: what a new record must have, and what depends on another value."""
    current = {} if record is None else record.values
    after = {**current, **values}
    groups = kind.required if record is None else ()
    flaws = [error_bodies.required(group[0]) for group in groups if not any(map(after.get, group))]
    for name, definition in kind.properties.items():
        other = definition.required_when
        if other is not None and after.get(other) and not after.get(name):
            flaws.append(error_bodies.required_when(name, other))
    return flaws
