"""One file from a web server: resumed where it broke off, checked, and never left half under its name."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from fairseq_hebrew import __version__
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.output import make_folder, partial_name
from fairseq_hebrew.stage.progress import Progress, log

Result = TypeVar("Result")

# Seconds without a byte before a connection is given up.
TIMEOUT = 60.0
# Tries in a row that bring no new byte, and the seconds before the first of them is repeated; each wait doubles.
TRIES = 6
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
BLOCK = 1 << 20
# What a server says when the same request may go well later.
_PASSING = (408, 425, 429, 500, 502, 503, 504)
PASSING_ERRORS = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch: the name it gets, its address, and what was published of it (None: not told).

    `checksum` is (algorithm, hexadecimal digest), by the names of hashlib.
    """

    name: str
    url: str
    bytes: int | None = None
    checksum: tuple[str, str] | None = None


class _Again(Exception):
    """Something that may go well when it is tried again."""


def get(url: str, headers: dict[str, str] | None = None, method: str = "GET") -> http.client.HTTPResponse:
    """Open an address. Raises UserError for a refusal, _Again for what may pass."""
    headers = {"User-Agent": f"fairseq-hebrew/{__version__}", "Accept-Encoding": "identity", **(headers or {})}
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers, method=method), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:
            return error
        error.close()
        if error.code in _PASSING:
            raise _Again(f"the server answers {error.code} {error.reason}") from None
        remedy = "it wants a login" if error.code in (401, 403) else "check the name, or try another --snapshot"
        raise UserError(f"{url}: the server answers {error.code} {error.reason}; {remedy}") from None
    except ValueError as error:
        raise UserError(f"{url}: is no web address ({error}); check --base-url") from None
    except PASSING_ERRORS as error:
        raise _Again(_said(error)) from None


def patiently(work: Callable[[], Result], url: str, reached: Callable[[], int] = lambda: 0) -> Result:
    """What `work` returns, tried again with longer and longer waits when it raises _Again.

    Raises UserError after TRIES in vain; one after which more is `reached` than ever before is not in vain.
    """
    vain, best = 0, reached()
    while True:
        try:
            return work()
        except _Again as problem:
            vain = 1 if reached() > best else vain + 1
            best = max(best, reached())
            if vain >= TRIES:
                raise UserError(
                    f"{url}: {problem}; tried {TRIES} times in vain, run again to go on from there"
                ) from None
            wait = min(FIRST_WAIT * 2 ** (vain - 1), LONGEST_WAIT)
            log(f"fetch: {problem}; trying again in {wait:g} s")
            time.sleep(wait)


def get_text(url: str) -> tuple[str, http.client.HTTPMessage]:
    """A small text and the headers it came with, tried several times."""

    def work() -> tuple[str, http.client.HTTPMessage]:
        with get(url) as answer:
            try:
                return answer.read().decode("utf-8"), answer.headers
            except UnicodeDecodeError:
                raise UserError(f"{url}: what the server sends is no text; check --base-url") from None
            except PASSING_ERRORS as error:
                raise _Again(_said(error)) from None

    return patiently(work, url)


def size_of(url: str) -> int | None:
    """Bytes of a file as its server tells them, None if it does not."""
    with contextlib.suppress(_Again, UserError), get(url, method="HEAD") as answer:
        return _number(answer.headers.get("Content-Length"))
    return None


def download(file: RemoteFile, folder: Path) -> dict:
    """Fetch a file into a folder; `{"path", "bytes", "sha256", "url"}`.

    What was fetched before a break is kept beside it as `.NAME.part` and continued, as long as the server's file is
    still the same (ETag or date). Raises UserError for a refusal, a wrong length or checksum, a full disk, or when
    the connection breaks again and again.
    """
    make_folder(folder)
    final = folder / file.name
    partial = partial_name(final)
    note = partial.with_name(f"{partial.name}.json")
    if final.is_dir():
        raise UserError(f"{final}: a folder stands where the file should be; choose another output")
    total = patiently(lambda: _fetch(file, partial, note), file.url, lambda: _size(partial))
    digests = _digests(partial, {"sha256", *([file.checksum[0]] if file.checksum else [])})
    if file.checksum and digests[file.checksum[0]] != file.checksum[1].lower():
        partial.unlink()
        note.unlink(missing_ok=True)
        raise UserError(
            f"{file.url}: its {file.checksum[0]} is {digests[file.checksum[0]]}, published is {file.checksum[1]}; "
            "what was fetched is thrown away, run again"
        )
    partial.replace(final)
    note.unlink(missing_ok=True)
    return {"path": file.name, "bytes": total, "sha256": digests["sha256"], "url": file.url}


def _fetch(file: RemoteFile, partial: Path, note: Path) -> int:
    """Fetch what is missing of a file; its size. Raises _Again when it broke off."""
    start, headers = _resume(file, partial, note)
    with get(file.url, headers) as answer:
        if answer.status == 416:
            if start and answer.headers.get("Content-Range", "").endswith(f"*/{start}"):
                return start  # all of it was here, only its name was not yet given
            partial.unlink(missing_ok=True)
            raise _Again("what was fetched before does not fit the server's file")
        if answer.status == 206:
            start, total = _range(answer, start)
        else:
            if start:
                log(f"fetch: {file.name} has changed on the server, starting again")
            start, total = 0, _number(answer.headers.get("Content-Length"))
        if file.bytes is not None and total is not None and total != file.bytes:
            raise UserError(
                f"{file.url}: has {total:,} bytes where {file.bytes:,} are published; it is another file, or a "
                "server's mistake: run again later or try another --snapshot"
            )
        total = total if total is not None else file.bytes
        _require_space(partial, (total or 0) - start)
        if not start:
            # Before the note of the file that comes now: a kill between them must not join two files.
            partial.unlink(missing_ok=True)
        note.write_text(json.dumps({**asdict(file), **_validators(answer)}), encoding="utf-8")
        return _copy(answer, file, partial, start, total)


def _copy(answer: http.client.HTTPResponse, file: RemoteFile, partial: Path, start: int, total: int | None) -> int:
    done = start
    rest = None if total is None else total - start
    with open(partial, "ab") as out, Progress(f"fetch {file.name}", rest) as progress:
        while True:
            try:
                block = answer.read(BLOCK)
            except PASSING_ERRORS as error:
                raise _Again(_said(error)) from None
            if not block:
                break
            out.write(block)
            done += len(block)
            progress.add(len(block))
    if total is not None and done != total:
        raise _Again(f"the connection ended after {done:,} of {total:,} bytes")
    return done


def _resume(file: RemoteFile, partial: Path, note: Path) -> tuple[int, dict[str, str]]:
    """(bytes that are here, the headers that ask for the rest of the same file)."""
    start = _size(partial)
    noted = None
    with contextlib.suppress(OSError, ValueError):
        noted = json.loads(note.read_text(encoding="utf-8"))
    noted = noted if isinstance(noted, dict) else {}
    same = noted.get("url") == file.url and noted.get("checksum") == (list(file.checksum) if file.checksum else None)
    # Without a mark of the file's state or a checksum nobody could tell whether the two halves belong together.
    mark = noted.get("etag") or noted.get("modified")
    if not start or not same or not (mark or file.checksum):
        return 0, {}
    headers = {"Range": f"bytes={start}-"}
    if mark:
        headers["If-Range"] = mark
    return start, headers


def _range(answer: http.client.HTTPResponse, start: int) -> tuple[int, int | None]:
    """(first byte, size of the whole file) of an answer that is a part."""
    said = answer.headers.get("Content-Range", "")
    unit, _, rest = said.partition(" ")
    span, _, total = rest.partition("/")
    if unit.lower() != "bytes" or _number(span.partition("-")[0]) != start:
        raise UserError(f"{answer.url}: asked for the bytes from {start}, the server sends {said!r}; try a mirror")
    return start, _number(total)


def _validators(answer: http.client.HTTPResponse) -> dict[str, str | None]:
    etag = answer.headers.get("ETag")
    # A weak tag names the meaning, not the bytes.
    return {
        "etag": None if etag is None or etag.startswith("W/") else etag,
        "modified": answer.headers.get("Last-Modified"),
    }


def _digests(path: Path, algorithms: set[str]) -> dict[str, str]:
    made = {name: hashlib.new(name) for name in algorithms}
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            for digest in made.values():
                digest.update(block)
    return {name: digest.hexdigest() for name, digest in made.items()}


def _require_space(partial: Path, needed: int) -> None:
    free = shutil.disk_usage(partial.parent).free
    if needed > free:
        raise UserError(
            f"{partial.parent}: {needed:,} more bytes are needed, {free:,} are free; free some space or choose "
            "another --output"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdecimal() else None


def _said(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    return " ".join(str(reason).split()) or type(error).__name__
