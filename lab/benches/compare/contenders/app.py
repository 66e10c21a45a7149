"""The answers of onelane's routes of the same names, for gunicorn and uWSGI."""

import os
import time
from urllib.parse import parse_qs


def application(environ, start_response):
    milliseconds = int(parse_qs(environ["QUERY_STRING"]).get("ms", ["0"])[0])
    if environ["PATH_INFO"] == "/sleep":
        time.sleep(milliseconds / 1000)
    elif environ["PATH_INFO"] == "/wait":
        end = time.monotonic() + milliseconds / 1000
        while time.monotonic() < end:
            pass
    body = b'{"ok":true,"pid":%d}' % os.getpid()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
    ]
    start_response("200 OK", headers)
    return [body]
