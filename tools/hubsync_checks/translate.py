"""SAM templates to CloudFormation's, offline; run by the SAM CLI's own interpreter.

    .venv-sam/bin/python -m hubsync_checks.translate FOLDER TEMPLATE...

cfn-lint expands no SAM resources, and checkov knows few: both see most in what SAM makes of them.
One template that SAM refuses is an error; of several, the others are translated all the same, and
the names of those refused are printed as JSON.
"""

import json
import logging
import sys
from pathlib import Path
from typing import Any

from samcli.commands.validate.lib.exceptions import InvalidSamDocumentException
from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse

REGION = "us-east-1"  # Only names in ARNs depend on it.


class _NoManagedPolicies:
    """The names of AWS's policies, which the template does not use, would be asked from AWS."""

    def load(self) -> dict[str, str]:
        return {}


def parsed(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml_parse(path.read_text("utf-8"))
    return document


def translated(document: dict[str, Any]) -> str:
    """Return what SAM makes of a parsed template; raises InvalidSamDocumentException."""
    validator = SamTemplateValidator(
        document, _NoManagedPolicies(), region=REGION, parameter_overrides={}
    )
    made: str = validator.get_translated_template_if_valid()
    return made


def main(folder: str, *templates: str) -> None:
    logging.disable(logging.ERROR)
    Path(folder).mkdir(parents=True, exist_ok=True)
    refused: dict[str, str] = {}
    for path in map(Path, templates):
        try:
            (Path(folder) / path.name).write_text(translated(parsed(path)), "utf-8")
        except InvalidSamDocumentException as error:
            refused[path.name] = str(error)
    if len(templates) > 1:
        sys.stdout.write(json.dumps(refused))
    elif refused:
        sys.exit(next(iter(refused.values())))


if __name__ == "__main__":
    main(*sys.argv[1:])
