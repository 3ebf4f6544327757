# SPDX-License-Identifier: Apache-2.0
"""Label selectors of the Kubernetes API."""


class Unreadable(Exception):
    """A selector with an unknown operator or without the values that its operator needs (NP-004)."""


def selects(selector, labels):
    """NP-002, NP-003. `labels` None is an object that is not known: nothing selects it. Raises Unreadable, whatever the labels are."""
    expressions = [requirement(each) for each in selector.get("matchExpressions") or []]
    equal = selector.get("matchLabels") or {}
    if labels is None:
        return False
    return all(labels.get(key) == value for key, value in equal.items()) and all(holds(labels) for holds in expressions)


def requirement(expression):
    """The expression as a function of labels."""
    key, operator, values = expression.get("key"), expression.get("operator"), expression.get("values") or []
    if operator in ("In", "NotIn") and not values or operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
        raise Unreadable(f"{key} {operator} {values}")
    return {
        "In": lambda labels: key in labels and labels[key] in values,
        "NotIn": lambda labels: key not in labels or labels[key] not in values,
        "Exists": lambda labels: key in labels,
        "DoesNotExist": lambda labels: key not in labels,
    }[operator]
