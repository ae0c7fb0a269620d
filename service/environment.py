"""Read typed values from environment variables, with environs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from environs import Env, EnvValidationError
from marshmallow import fields, validate

FALSE = fields.Boolean.falsy | {""}
"""Texts that switch a flag off; an empty one does as well."""

NUMBERS = {
    "int": (re.compile(r"\s*[+-]?[0-9]+\s*"), "Not a valid integer."),
    "float": (re.compile(r"\s*[+-]?[0-9]*\.?[0-9]+(e[+-]?[0-9]+)?\s*", re.I), "Not a valid number."),
}
"""Form of a number, and the error for another one: Python also reads ８０８０ and 80_80."""


class Environment(Env):
    """Reads variables with a prefix from any mapping; environs by itself reads os.environ only."""

    def __init__(self, variables: Mapping[str, str], prefix: str) -> None:
        super().__init__(prefix=prefix)
        self._variables = variables
        self._start = prefix

    def _get_value(self, env_key: str, default: Any) -> Any:
        return self._variables.get(env_key, default)

    def read(self, name: str, kind: str, default: Any, limits: Mapping[str, Any]) -> Any:
        """Return the value of one variable, of the type `kind`; ValueError when it is invalid.

        `limits` may hold `at_least`, `above`, `at_most` and `one_of`.
        """
        text = self._variables.get(self._start + name)
        if text is not None and kind in NUMBERS:
            form, error = NUMBERS[kind]
            if not form.fullmatch(text):
                raise ValueError(error)
        options = {"falsy": FALSE} if kind == "bool" else {}
        parse: Callable[..., Any] = getattr(self, kind)
        try:
            return parse(name, default, validate=_validators(limits), **options)
        except EnvValidationError as exc:
            raise ValueError(" ".join(map(str, exc.error_messages))) from exc


def _validators(limits: Mapping[str, Any]) -> list[validate.Validator]:
    validators: list[validate.Validator] = []
    if "one_of" in limits:
        validators.append(validate.OneOf(limits["one_of"], error="Must be one of {choices}."))
    if limits.keys() & {"at_least", "above", "at_most"}:
        least = limits.get("at_least", limits.get("above"))
        validators.append(
            validate.Range(min=least, max=limits.get("at_most"), min_inclusive="above" not in limits)
        )
    return validators
