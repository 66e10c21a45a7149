"""The thumbnails of examples/services/thumbnail, drawn by Pillow, for gunicorn."""

from io import BytesIO
from urllib.parse import parse_qs

from PIL import Image


def thumbnail(query, file):
    picture = Image.open(file)
    if "whole" in query:
        # Otherwise thumbnail() has the decoder make as few of the pixels as it needs.
        picture.load()
    width = int(query["width"][0])
    picture.thumbnail((width, width), Image.BOX)
    small = BytesIO()
    picture.convert("RGB").save(small, "JPEG", quality=80)
    return small.getvalue()


def application(environ, start_response):
    content_type, body = "text/plain", b"ready"
    if environ["REQUEST_METHOD"] == "POST":
        length = int(environ["CONTENT_LENGTH"])
        file = BytesIO(environ["wsgi.input"].read(length))
        query = parse_qs(environ["QUERY_STRING"])
        content_type, body = "image/jpeg", thumbnail(query, file)
    headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
