"""A file server on this machine, with the faults of those in the world."""

import hashlib
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """Serves `content` under every path. `asked` has the Range of each request, `sent` the bytes of each answer."""

    content: bytes
    cuts: list = field(default_factory=list)  # after so many bytes the next answers break off
    down_after: int | None = None  # requests; later ones get 503
    ranges: bool = True  # whether Range is understood
    if_range: bool = True
    tag: bool = True
    asked: list = field(default_factory=list)
    sent: list = field(default_factory=list)
    url: str = ""

    def answer(self, handler):
        """One GET."""
        asked = handler.headers.get("Range")
        self.asked.append(asked)
        if self.down_after is not None and len(self.asked) > self.down_after:
            return handler.send_error(503)
        tag = f'"{hashlib.md5(self.content).hexdigest()}"'
        same = not self.if_range or handler.headers.get("If-Range") == tag
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.ranges and same else 0
        if start >= len(self.content):
            return handler.send_error(416)
        body = self.content[start:]
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        if self.tag:
            handler.send_header("ETag", tag)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        body = body[: self.cuts.pop(0)] if self.cuts else body
        self.sent.append(len(body))
        handler.wfile.write(body)
        handler.close_connection = True
        return None


@contextmanager
def serving(content, **faults):
    """A FileServer that runs as long as the block."""
    server = FileServer(content, **faults)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.answer(self)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        server.url = f"http://127.0.0.1:{http.server_address[1]}/mirror"
        yield server
        http.shutdown()
