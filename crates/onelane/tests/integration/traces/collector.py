"""Takes spans by OTLP over HTTP, on a port that it prints first, and prints each as a line of JSON."""

import http.server
import json
import sys
import threading

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

PROTOBUF = "application/x-protobuf"


def attributes(pairs):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


def flat(span, resource, scope):
    return {
        "trace": span.trace_id.hex(),
        "id": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "state": span.trace_state,
        "flags": span.flags,
        "name": span.name,
        "kind": Span.SpanKind.Name(span.kind),
        "start": span.start_time_unix_nano,
        "end": span.end_time_unix_nano,
        "attributes": attributes(span.attributes),
        "dropped_attributes": span.dropped_attributes_count,
        "status": Status.StatusCode.Name(span.status.code),
        "why": span.status.message,
        "resource": attributes(resource.attributes),
        "scope": scope.name,
    }


class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/traces" or self.headers["Content-Type"] != PROTOBUF:
            self.send_error(404)
            return
        request = ExportTraceServiceRequest.FromString(body)
        for of in request.resource_spans:
            for within in of.scope_spans:
                for span in within.spans:
                    line = flat(span, of.resource, within.scope)
                    line["header"] = self.headers.get("x-tenant", "")
                    print(json.dumps(line), flush=True)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("Content-Type", PROTOBUF)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
print(json.dumps({"port": server.server_port}), flush=True)
# Ends with the test, whatever becomes of that.
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
