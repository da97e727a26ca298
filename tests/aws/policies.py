"""Judges a role's policy as AWS does: what is denied is refused, what is allowed is allowed, and
all else is refused. Conditions that these policies have are known; another one is an error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any


def is_allowed(
    policy: str, action: str, resource: str, context: Mapping[str, str] | None = None
) -> bool:
    """Whether a role with this policy (JSON) may do the action to the resource, in this context."""
    effects = {
        statement["Effect"]
        for statement in statements(policy)
        if any(_fits(pattern.lower(), action.lower()) for pattern in _list(statement["Action"]))
        and any(_fits(pattern, resource) for pattern in _list(statement["Resource"]))
        and _holds(statement.get("Condition", {}), context or {})
    }
    return effects == {"Allow"}


def statements(policy: str) -> list[dict[str, Any]]:
    """The statements of a policy."""
    return _list(json.loads(policy)["Statement"])


def actions(policy: str) -> set[str]:
    """All actions that a policy names."""
    return {action for statement in statements(policy) for action in _list(statement["Action"])}


def _holds(conditions: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    return all(
        key in context and any(_matches(test, wanted, context[key]) for wanted in _list(values))
        for test, asked in conditions.items()
        for key, values in asked.items()
    )


def _matches(test: str, wanted: str, found: str) -> bool:
    match test:
        case "StringEquals":
            return wanted == found
        case "StringLike" | "ArnLike":
            return _fits(wanted, found)
    raise ValueError(
        f"no test of a condition is called {test} here; teach it to tests/aws/policies.py"
    )


def _fits(pattern: str, text: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _list(value: Any) -> list[Any]:
    is_many = isinstance(value, Iterable) and not isinstance(value, str | Mapping)
    return list(value) if is_many else [value]
