"""schemathesis reads /v1/openapi.json and asks whatever it allows, and what it doesn't: does the router answer as its own document says?

Its checks of "valid data is taken" and "invalid data is refused" see path and body; what OpenAPI cannot say of them (an address has slashes; a body may be
any JSON) is said here: addresses are made by `addresses()`."""
import os
import subprocess
import sys
import tempfile

from harness.router import Router

CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance", "response_schema_conformance",
          "positive_data_acceptance", "missing_required_header", "unsupported_method", "allow_header_conformance")
# Their answers have no end, or take their time.
ENDLESS = "subscribe|stream|aliasSubscribe"

if os.environ.get("SCHEMATHESIS_HOOKS"):  # loaded by schemathesis: what our formats mean
    import base64

    import schemathesis
    from hypothesis import strategies

    # Also characters that a path has to encode; not "." and ".." alone, which clients take out of paths, nor %, which its client does not encode when
    # it could be an encoding already.
    segments = strategies.text(alphabet="abcXYZ019 _-:;,!?#&=+äß€😀", min_size=1, max_size=12)
    addresses = strategies.lists(segments, min_size=1, max_size=4).map("/".join)
    schemathesis.openapi.format("clasp-segment", segments)
    patterns = strategies.lists(strategies.one_of(segments, strategies.sampled_from(["*", "**", "a*", "*b"])), min_size=1, max_size=4).map("/".join)
    schemathesis.openapi.format("clasp-address", addresses)
    schemathesis.openapi.format("clasp-pattern", patterns)
    schemathesis.openapi.format("cursor", addresses.map(lambda address: base64.urlsafe_b64encode(("/" + address).encode()).decode().rstrip("=")))

    @schemathesis.hook
    def map_query(context, query):
        """A poll may wait for a minute: not here."""
        if query and "timeout" in query and isinstance(query["timeout"], (int, float)) and query["timeout"] > 0.02:
            query["timeout"] = 0.02
        return query

    @schemathesis.hook
    def map_body(context, body):
        """At most a day ahead, says the document in words."""
        if isinstance(body, dict) and "operations" in body and isinstance(body.get("timestamp"), (int, float)):
            body["timestamp"] %= 2 ** 50
        return body
elif __name__ == "__main__":
    endpoints = ("GET /room/:name /rooms/{name}", "PUT /room/:name /rooms/{name}", "PATCH /room/:name /rooms/{name}", "DELETE /room/:name /rooms/{name}")
    with Router("--http", *(word for row in endpoints for word in ("--http-endpoint", row))) as router, tempfile.TemporaryDirectory() as folder:  # it leaves notes where it runs
        done = subprocess.run(
            [os.path.join(os.path.dirname(sys.executable), "schemathesis"), "--config-file", os.path.splitext(os.path.abspath(__file__))[0] + ".toml", "run", f"http://127.0.0.1:{router.port}/v1/openapi.json",
             "--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing", "--max-examples", os.environ.get("CLASP_EXAMPLES", "8"),
             "--exclude-operation-id-regex", f"^({ENDLESS})$", "--seed", "1", "--request-timeout", "40", "--warnings", "off", "--continue-on-failure",
             *sys.argv[1:]],
            env={**os.environ, "SCHEMATHESIS_HOOKS": "interop.http_schemathesis"}, cwd=folder, check=False)
        assert done.returncode == 0, f"schemathesis: exit {done.returncode}"
    print("ok")
