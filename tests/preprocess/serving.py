"""A web server on localhost that misbehaves as it is told."""

import contextlib
import hashlib
import http.server
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field


@dataclass
class Served:
    """A file of the server, and how it is served."""

    content: bytes
    etag: str | None = None
    modified: str | None = None
    ranges: bool = True
    # Answers before the file itself: a number of bytes after which the connection is dropped, or ("status", code).
    first: deque = field(default_factory=deque)
    # What Content-Length claims beyond the truth.
    extra: int = 0
    sends_length: bool = True
    # Seconds between the pieces of 100 kB it is sent in; 0: at once.
    pause: float = 0.0
    content_type: str = "application/octet-stream"
    headers: dict = field(default_factory=dict)


class Server:
    """`files` by their paths; `asked` lists (method, path, Range) of every request."""

    def __init__(self):
        self.files: dict[str, Served] = {}
        self.asked: list[tuple[str, str, str | None]] = []
        self.root = ""

    def put(self, path, content, **options):
        options.setdefault("etag", f'"{hashlib.md5(content).hexdigest()}"')
        self.files[path] = Served(content, **options)
        return self.files[path]

    def counts(self):
        return Counter((method, path) for method, path, _ in self.asked)


@contextlib.contextmanager
def serving():
    server = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, body):
            path, asked = self.path, self.headers.get("Range")
            server.asked.append((self.command, path, asked))
            file = server.files.get(path)
            if file is None:
                self.send_error(404)
                return
            cut = None
            if body and file.first:
                cut = file.first.popleft()
                if isinstance(cut, tuple):
                    self.send_error(cut[1])
                    return
            start, status = 0, 200
            condition = self.headers.get("If-Range")
            if asked and file.ranges and condition in (None, file.etag, file.modified):
                start, status = int(asked.removeprefix("bytes=").removesuffix("-")), 206
                if start >= len(file.content):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(file.content)}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
            rest = file.content[start:]
            self.send_response(status)
            if status == 206:
                total = len(file.content) + file.extra
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            if file.sends_length:
                self.send_header("Content-Length", str(len(rest) + file.extra))
            for name, value in [("ETag", file.etag), ("Last-Modified", file.modified), *file.headers.items()]:
                if value is not None:
                    self.send_header(name, value)
            self.send_header("Content-Type", file.content_type)
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            if body:
                rest = rest if cut is None else rest[:cut]
                step = 100_000 if file.pause else max(len(rest), 1)
                with contextlib.suppress(ConnectionError):
                    for position in range(0, len(rest), step):
                        self.wfile.write(rest[position : position + step])
                        time.sleep(file.pause)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        server.root = f"http://127.0.0.1:{served.server_port}"
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            served.shutdown()
            thread.join()
