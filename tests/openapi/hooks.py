"""Keeps the requests that schemathesis makes short, and as right or wrong as they were.

The document lets a caller ask for an hour of work. A number becomes a small one only where it is right: then it still
is. Everything else is sent as it was made.
"""

import schemathesis

# What a number may be by the document, and how large it becomes here.
NUMBERS = {"ms": (3_600_000, 10), "to": (10**12, 100_000), "number": (2**64 - 1, 100_000)}


def shorten(fields):
    for name, (largest, small) in NUMBERS.items():
        value = fields.get(name)
        # For JSON Schema, 5.0 is an integer. A lane takes those that are written as such.
        if isinstance(value, float) and value.is_integer():
            value = fields[name] = int(value)
        is_text = isinstance(value, str) and value.isascii() and value.isdigit()
        is_number = type(value) is int and value >= 0
        if (is_text or is_number) and int(value) <= largest:
            fields[name] = type(value)(int(value) % (small + 1))


@schemathesis.hook
def before_call(context, case, kwargs):
    for fields in (case.query, case.body):
        if isinstance(fields, dict):
            shorten(fields)
    # Without a word it works for five seconds.
    if case.operation.path == "/block-server" and not case.query and not isinstance(case.body, dict):
        case.query = {"ms": "1"}
    # The shortest ones end what they come with, rightly: 504.
    timeout = (case.headers or {}).get("X-Timeout")
    try:
        if timeout is not None and 0 < float(timeout) < 20:
            case.headers["X-Timeout"] = "20"
    except (TypeError, ValueError):
        pass
