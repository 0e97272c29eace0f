"""What a portal tells about itself: properties, validation rules, schemas, limits and account."""

from collections.abc import Iterable, Mapping

from hubspot_emulator import error_bodies
from hubspot_emulator.http_messages import Body
from hubspot_emulator.portal import ObjectType, Portal, PropertyDefinition
from hubspot_emulator.switches import Switches

MOMENT = "2024-01-01T00:00:00.000Z"  # when every definition of an emulated portal was made


def properties(kind: ObjectType, query: Mapping[str, str], switches: Switches) -> Body:
    """Documented: no paging, and only properties that are not sensitive unless asked for."""
    grade = query.get("dataSensitivity", "non_sensitive")
    definitions = [d for d in kind.properties.values() if d.sensitivity == grade]
    return {"results": [_property(kind, definition, switches) for definition in definitions]}


def one_property(kind: ObjectType, name: str, switches: Switches) -> Body:
    definition = kind.properties.get(name)
    if definition is None:
        raise error_bodies.no_such_property(kind, name)
    return _property(kind, definition, switches)


def validations(kind: ObjectType, name: str | None) -> Body:
    """Documented: the fields; that they are nested so is assumed."""
    chosen = [d for d in kind.properties.values() if d.rule and name in {None, d.name}]
    listed = [{"propertyName": d.name, "propertyValidationRules": _rules(d)} for d in chosen]
    if name is None:
        return {"results": listed}
    return {"results": [rule for definition in chosen for rule in _rules(definition)]}


def schemas(portal: Portal) -> Body:
    """Documented: the fields; an emulated portal lists all of its types, with required groups."""
    return {"results": [_schema(portal, kind) for kind in portal.types.values()]}


def account(portal: Portal) -> Body:
    return {
        "portalId": portal.portal_id,
        "accountType": "STANDARD",
        "timeZone": portal.time_zone,
        "companyCurrency": "EUR",
        "utcOffset": "+00:00",
        "utcOffsetMilliseconds": 0,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }


def daily_usage(limit: int, used: int) -> Body:
    usage = {"name": "private-apps-api-calls-daily", "usageLimit": limit, "currentUsage": used}
    return {"results": [usage]}


def _property(kind: ObjectType, definition: PropertyDefinition, switches: Switches) -> Body:
    flagged = switches.email_has_unique_flag == "true"
    hidden_flag = kind.is_contact and definition.name == "email" and not flagged
    return {
        "name": definition.name,
        "label": definition.label,
        "type": definition.type,
        "fieldType": definition.field_type,
        "groupName": f"{kind.singular}{definition.group}",
        "description": definition.description,
        "options": list(_options(definition)),
        "displayOrder": -1,
        "createdAt": MOMENT,
        "updatedAt": MOMENT,
        "archived": False,
        "hasUniqueValue": definition.unique and not hidden_flag,
        "hidden": False,
        "calculated": definition.calculated,
        "externalOptions": False,
        "hubspotDefined": definition.hubspot_defined,
        "dataSensitivity": definition.sensitivity,
        "formField": definition.settable,
        "modificationMetadata": {
            "archivable": not definition.hubspot_defined,
            "readOnlyDefinition": definition.hubspot_defined,
            "readOnlyValue": not definition.settable,
        },
    }


def _options(definition: PropertyDefinition) -> Iterable[Body]:
    listed = [(each.value, each.label or each.value, each.hidden) for each in definition.options]
    listed += [(stage, stage, False) for stages in definition.stages.values() for stage in stages]
    if definition.type == "bool":
        listed = [("true", "Yes", False), ("false", "No", False)]
    for order, (value, label, hidden) in enumerate(listed):
        yield {"value": value, "label": label, "displayOrder": order, "hidden": hidden}


def _rules(definition: PropertyDefinition) -> list[Body]:
    kind = "EMAIL" if definition.rule == "email" else "ALPHANUMERIC"
    arguments = [] if definition.rule == "email" else ["ALPHABETIC_ONLY"]
    return [{"ruleType": kind, "ruleArguments": arguments, "shouldApplyNormalization": False}]


def _schema(portal: Portal, kind: ObjectType) -> Body:
    return {
        "name": kind.name,
        "objectTypeId": kind.type_id,
        "fullyQualifiedName": f"p{portal.portal_id}_{kind.singular}",
        "labels": {"singular": kind.singular, "plural": kind.name},
        "requiredProperties": [group[0] for group in kind.required],
        "properties": [{"name": name} for name in kind.properties],
    }
