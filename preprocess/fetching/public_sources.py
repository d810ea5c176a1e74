"""Public Hebrew corpora: where they stand, under what licence, and how the files of one are found.

A licence stands here only where the corpus's own page states it; where it does not, the page is named.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from fairseq_hebrew.stage.errors import UserError

from .download import RemoteFile, get_text, size_of

LATEST = "latest"
_DAY = re.compile(r"\d{8}")
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')
# Files of a repository that hold data.
_DATA = ("*.csv", "*.csv.*", "*.jsonl", "*.jsonl.*", "*.parquet")


@dataclass(frozen=True)
class PublicSource:
    """A corpus: `page` tells about it, `base` is the server, `find(source, base, snapshot)` gives its files."""

    title: str
    licence: str
    page: str
    base: str
    find: Callable[[PublicSource, str, str], list[RemoteFile]]
    # What `find` needs: a wiki and the end of its dump's name; a repository, folder and patterns; or a path.
    where: dict = field(default_factory=dict)


def dump_files(source: PublicSource, base: str, snapshot: str) -> list[RemoteFile]:
    """The file of a Wikimedia dump by its list of checksums, which names the day of the latest one."""
    wiki, ending = source.where["wiki"], source.where["ending"]
    if snapshot != LATEST and not _DAY.fullmatch(snapshot):
        raise UserError(f"--snapshot {snapshot}: a dump is named by its day, as 20260101, or `{LATEST}`")
    sums = f"{base}/{wiki}/{snapshot}/{wiki}-{snapshot}-sha1sums.txt"
    wanted = re.compile(rf"([0-9a-f]{{40}})\s+({re.escape(wiki)}-(\d{{8}})-{re.escape(ending)})")
    found = next(filter(None, map(wanted.fullmatch, map(str.strip, get_text(sums)[0].split("\n")))), None)
    if found is None:
        raise UserError(f"{sums}: names no {ending}: the dump is not finished yet; say --snapshot with an earlier day")
    digest, name, day = found.groups()
    url = f"{base}/{wiki}/{day}/{name}"
    return [RemoteFile(name, url, size_of(url), ("sha1", digest))]


def hub_files(source: PublicSource, base: str, snapshot: str) -> list[RemoteFile]:
    """The data files of a folder of a Hugging Face data set at one commit, with their sizes and hashes."""
    repository, folder = source.where["repository"], source.where.get("folder", "")
    revision = "main" if snapshot == LATEST else snapshot
    about = _json(f"{base}/api/datasets/{repository}/revision/{revision}")[0]
    commit = about.get("sha") if isinstance(about, dict) else None
    if not isinstance(commit, str):
        raise UserError(f"{base}: {repository} has no commit {revision}; check --snapshot and --base-url")
    page: str | None = f"{base}/api/datasets/{repository}/tree/{commit}/{folder}".rstrip("/")
    files = []
    while page is not None:
        listed, page = _json(page)
        for entry in listed if isinstance(listed, list) else []:
            path = str(entry.get("path", ""))
            name = path.rpartition("/")[2]
            if entry.get("type") != "file" or not any(
                fnmatch.fnmatchcase(name, pattern) for pattern in source.where.get("patterns", _DATA)
            ):
                continue
            large = entry.get("lfs") or {}
            checksum = ("sha256", large["oid"]) if large.get("oid") else None
            url = f"{base}/datasets/{repository}/resolve/{commit}/{path}"
            files.append(RemoteFile(name, url, large.get("size", entry.get("size")), checksum))
    if not files:
        raise UserError(f"{base}: {repository}/{folder} holds no data file at {revision}; see {source.page}")
    return sorted(files, key=lambda file: file.name)


def one_file(source: PublicSource, base: str, snapshot: str) -> list[RemoteFile]:
    if snapshot != LATEST:
        raise UserError(f"--snapshot {snapshot}: this corpus has no snapshots; leave it out")
    path = source.where["path"]
    url = f"{base}/{path}"
    return [RemoteFile(path.rpartition("/")[2], url, size_of(url))]


def _json(url: str) -> tuple[object, str | None]:
    """What an address of the Hub's interface answers, and the address of what comes after it."""
    text, headers = get_text(url)
    try:
        answer = json.loads(text)
    except ValueError:
        raise UserError(f"{url}: the server does not answer as the Hub does; check --base-url") from None
    following = _NEXT.search(headers.get("Link", ""))
    return answer, following[1] if following else None


WIKIMEDIA = "https://dumps.wikimedia.org"
HUB = "https://huggingface.co"

SOURCES = {
    "wikipedia": PublicSource(
        "Hebrew Wikipedia, the articles as wikitext (dump)",
        "CC BY-SA 4.0 and GFDL",
        "https://dumps.wikimedia.org/legal.html",
        WIKIMEDIA,
        dump_files,
        {"wiki": "hewiki", "ending": "pages-articles-multistream.xml.bz2"},
    ),
    "wikipedia-parquet": PublicSource(
        "Hebrew Wikipedia of 1 November 2023 as plain text (Parquet)",
        "CC BY-SA 3.0 and GFDL",
        "https://huggingface.co/datasets/wikimedia/wikipedia",
        HUB,
        hub_files,
        {"repository": "wikimedia/wikipedia", "folder": "20231101.he", "patterns": ("*.parquet",)},
    ),
    "hedc4": PublicSource(
        "HeDC4: Hebrew web pages of Common Crawl, cleaned and deduplicated, 47 GB (CSV)",
        "see its page",
        "https://huggingface.co/datasets/HeNLP/HeDC4",
        HUB,
        hub_files,
        {"repository": "HeNLP/HeDC4"},
    ),
    "fineweb-2": PublicSource(
        "FineWeb 2, Hebrew part: web pages of Common Crawl (Parquet)",
        "ODC-BY, and Common Crawl's terms of use",
        "https://huggingface.co/datasets/HuggingFaceFW/fineweb-2",
        HUB,
        hub_files,
        {"repository": "HuggingFaceFW/fineweb-2", "folder": "data/heb_Hebr/train", "patterns": ("*.parquet",)},
    ),
    "cc100": PublicSource(
        "CC-100, Hebrew part: web pages of Common Crawl (plain text, a blank line between documents)",
        "see its page",
        "https://data.statmt.org/cc-100/",
        "https://data.statmt.org/cc-100",
        one_file,
        {"path": "he.txt.xz"},
    ),
}
