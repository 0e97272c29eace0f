"""Which operation a path asks for. The path alone decides the version."""

import re
from dataclasses import dataclass
from functools import lru_cache

DATED = r"(?P<version>2025-09|2026-03|2026-09(?:-beta)?)"
BATCH = r"(?P<kind>[^/]+)/batch/(?P<operation>create|read|update|upsert|archive)"
PROPERTIES = r"(?P<kind>[^/]+)(?:/(?P<property>[^/]+))?"
PATHS: tuple[tuple[str, str, str], ...] = (
    ("POST", "", rf"/crm/(?P<version>v3)/objects/{BATCH}"),
    ("POST", "", rf"/crm/objects/{DATED}/{BATCH}"),
    ("GET", "properties", rf"/crm/(?P<version>v3)/properties/{PROPERTIES}"),
    ("GET", "properties", rf"/crm/properties/{DATED}/{PROPERTIES}"),
    ("GET", "validations", rf"/crm/(?P<version>v3)/property-validations/{PROPERTIES}"),
    ("GET", "schemas", r"/crm/(?P<version>v3)/schemas"),
    ("GET", "schemas", r"/crm-object-schemas/(?P<version>v3)/schemas"),
    ("GET", "account", r"/account-info/(?P<version>v3)/details"),
    ("GET", "usage", r"/account-info/(?P<version>v3)/api-usage/daily/private-apps"),
    ("POST", "token", r"/oauth/(?P<version>v1|v3|2026-03)/token"),
    ("POST", "introspect", r"/oauth/(?P<version>v3|2026-03)/token/introspect"),
    ("POST", "revoke", r"/oauth/(?P<version>v3|2026-03)/token/revoke"),
)
PATTERNS = tuple((method, name, re.compile(pattern)) for method, name, pattern in PATHS)


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    name: str
    version: str
    kind: str | None = None  # as the path has it
    property_name: str | None = None

    @property
    def is_batch(self) -> bool:
        return self.name in {"create", "read", "update", "upsert", "archive"}

    @property
    def is_strict(self) -> bool:
        """Documented: only paths of 2026-09 validate required properties and normalise dates."""
        return self.version.startswith("2026-09")

    @property
    def is_oauth(self) -> bool:
        return self.name in {"token", "introspect", "revoke"}


@lru_cache(maxsize=256)
def route(path: str) -> Route | None:
    """Find the operation of a path without its query."""
    for method, name, pattern in PATTERNS:
        if found := pattern.fullmatch(path):
            parts = found.groupdict()
            return Route(
                method=method,
                name=name or parts["operation"],
                version=parts["version"],
                kind=parts.get("kind"),
                property_name=parts.get("property"),
            )
    return None
