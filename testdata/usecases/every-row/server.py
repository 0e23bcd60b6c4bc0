"""A server with something for every constraint. Its answers are the same in every run."""

import gzip
import json
import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANN = {
    "id": 5,
    "name": "Ann",
    "tags": ["a", "b", "c"],
    "nested": {"ratio": 0.5, "whole": 1.0, "ok": True, "none": None},
    "items": [{"id": 1, "price": 10}, {"id": 2, "price": 20}],
}
COUNT = {"asked": 0}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        length = int(self.headers.get("Content-Length", 0))
        self.body = self.rfile.read(length).decode("utf-8", "backslashreplace")
        path = self.path.split("?")[0].strip("/")
        getattr(self, "on_" + (path or "index"), self.on_missing)()

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)

    def answer(self, status, body, *headers, kind="text/plain; charset=utf-8"):
        body = body.encode() if isinstance(body, str) else body
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def on_missing(self):
        self.answer(404, "nothing here\n")

    def on_index(self):
        self.answer(200, "ready\n")

    def on_text(self):
        self.answer(200, "hello, world\nsecond line\n")

    def on_json(self):
        self.answer(200, json.dumps(ANN), kind="application/json")

    def on_headers(self):
        self.answer(200, "", ("X-Many", "one"), ("x-many", "two"), ("X-Number", "42"))

    def on_cookie(self):
        cookie = "sid=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"
        self.answer(200, "", ("Set-Cookie", cookie), ("Set-Cookie", "theme=dark"))

    def on_whoami(self):
        self.answer(200, self.headers.get("Cookie", "nobody") + "\n")

    def on_old(self):
        self.answer(302, "", ("Location", "/text?from=old"))

    def on_gzip(self):
        packed = gzip.compress(b"hello, packed world\n", mtime=0)
        self.answer(200, packed, ("Content-Encoding", "gzip"))

    def on_chunked(self):
        self.send_response_only(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"6\r\nhello,\r\n7;ext=1\r\n world\n\r\n0\r\nX-Trailer: 1\r\n\r\n")

    def on_close(self):
        self.send_response_only(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"until the end\n")

    def on_nothing(self):
        self.send_response_only(204)
        self.end_headers()

    def on_bytes(self):
        self.answer(200, bytes(range(256)), kind="application/octet-stream")

    def on_echo(self):
        names = ("content-type", "content-length", "x-token", "accept", "user-agent")
        headers = {name: self.headers[name] for name in names if name in self.headers}
        asked = {"method": self.command, "path": self.path, "headers": headers, "body": self.body}
        self.answer(200, json.dumps(asked), kind="application/json")

    def on_third(self):
        COUNT["asked"] += 1
        self.answer(200 if COUNT["asked"] >= 3 else 503, f"asked {COUNT['asked']} times\n")

    def on_slow(self):
        time.sleep(0.3)
        self.answer(200, "at last\n")

    def on_fail(self):
        print("error: no such table: pages", file=sys.stderr, flush=True)
        self.answer(500, "the database is gone\n")

    def on_exit(self):
        print("fatal: asked to exit", file=sys.stderr, flush=True)
        os._exit(7)

    def log_message(self, *args):
        pass


class UnixServer(ThreadingHTTPServer):
    address_family = socket.AF_UNIX

    def server_bind(self):
        socket.socket.bind(self.socket, self.server_address)
        self.server_name, self.server_port = "localhost", 0


PLACE = sys.argv[1]
if PLACE.startswith("/"):
    UnixServer(PLACE, Handler).serve_forever()
else:
    ThreadingHTTPServer(("127.0.0.1", int(PLACE)), Handler).serve_forever()
