"""`fetch NAME`: download a public Hebrew corpus, its licence shown first, resumed where it broke off, checked."""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from fairseq_hebrew import __version__
from fairseq_hebrew.stage.errors import UsageError, UserError, parser, run_command
from fairseq_hebrew.stage.manifest import file_record, manifest_path
from fairseq_hebrew.stage.output import write_text
from fairseq_hebrew.stage.progress import log

from .fetching.download import RemoteFile, download
from .fetching.public_sources import LATEST, SOURCES, PublicSource


def fetch(
    name: str,
    output: Path,
    accept_licence: bool = False,
    base_url: str | None = None,
    snapshot: str = LATEST,
    only: Sequence[str] = (),
) -> list[Path]:
    """Download the files of a corpus that are not there yet; their paths.

    Beside each stands its manifest, `NAME.manifest.json`. `only`: patterns of the names wanted. Raises UsageError
    where nobody accepted the licence.
    """
    if name not in SOURCES:
        raise UsageError(f"no corpus {name!r}; `fairseq-hebrew fetch --list` names them")
    source = SOURCES[name]
    base = (base_url or source.base).rstrip("/")
    files = source.find(source, base, snapshot)
    if only:
        every = ", ".join(file.name for file in files[:3]) + (", ..." if len(files) > 3 else "")
        files = [file for file in files if any(fnmatch.fnmatchcase(file.name, pattern) for pattern in only)]
        if not files:
            raise UserError(f"--only {' '.join(only)}: fits none of the files ({every})")
    log(_about(name, source, files, base))
    if not accept_licence:
        _ask(name)
    return [_fetch_one(file, output, name, source) for file in files]


def _fetch_one(file: RemoteFile, output: Path, name: str, source: PublicSource) -> Path:
    final = output / file.name
    wanted = {"stage": "fetch", "source": name, "url": file.url, "published": _published(file)}
    path = manifest_path(final)
    if _is_done(final, path, wanted):
        log(f"fetch: {final} is up to date, skipped")
        return final
    path.unlink(missing_ok=True)
    made = download(file, output)
    manifest = {
        **wanted,
        "licence": source.licence,
        "page": source.page,
        "outputs": [{key: made[key] for key in ("path", "bytes", "sha256")}],
        "version": __version__,
    }
    write_text(path, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
    checked = f"{file.checksum[0]} as published" if file.checksum else "no checksum is published"
    log(f"fetch: {final} done, {made['bytes']:,} bytes ({checked})")
    return final


def _is_done(final: Path, path: Path, wanted: dict) -> bool:
    """Whether the file is the one its manifest tells of, and that is the one wanted."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        (record,) = found["outputs"]
        return all(found[key] == wanted[key] for key in wanted) and {**file_record(final), "path": final.name} == record
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _published(file: RemoteFile) -> dict:
    return {"bytes": file.bytes, "checksum": list(file.checksum) if file.checksum else None}


def _about(name: str, source: PublicSource, files: Sequence[RemoteFile], base: str) -> str:
    sizes = [file.bytes for file in files]
    size = "size not told" if None in sizes else f"{sum(sizes) / 1e6:,.1f} MB"
    count = f"{len(files)} files" if len(files) > 1 else "1 file"
    lines = [
        f"{name}: {source.title}",
        f"  licence: {source.licence} ({source.page})",
        f"  from:    {files[0].url}" + (" and more" if len(files) > 1 else ""),
        f"  size:    {size} in {count}",
    ]
    return "\n".join(lines)


def _ask(name: str) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("say --accept-licence once you have read the licence")
    print("Have you read the licence, and do you accept it? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UserError(f"{name}: the licence was not accepted; nothing was downloaded")


def listing() -> str:
    """What can be fetched, a paragraph each."""
    return "\n".join(
        f"{name}\n  {source.title}\n  licence: {source.licence} ({source.page})" for name, source in SOURCES.items()
    )


def main(arguments: Sequence[str] | None = None) -> int:
    options: argparse.ArgumentParser = parser("fairseq-hebrew fetch", "Download a public Hebrew corpus.")
    options.add_argument("name", nargs="?", choices=sorted(SOURCES), metavar="NAME", help="which corpus (--list)")
    options.add_argument("--list", action="store_true", help="say what can be fetched, and under what licence")
    options.add_argument("--output", type=Path, help="folder for the files")
    options.add_argument("--accept-licence", action="store_true", help="you have read the licence and accept it")
    options.add_argument("--snapshot", default=LATEST, help="day of a dump (20260101), or commit of a data set")
    options.add_argument("--only", nargs="+", default=[], metavar="PATTERN", help="only files of such names (000*)")
    options.add_argument("--base-url", help="address of a mirror that has the same paths")
    parsed = options.parse_args(arguments)

    def work() -> None:
        if parsed.list:
            print(listing())
            return
        if parsed.name is None or parsed.output is None:
            raise UsageError("give the NAME of a corpus and --output FOLDER, or --list")
        fetch(parsed.name, parsed.output, parsed.accept_licence, parsed.base_url, parsed.snapshot, parsed.only)

    return run_command(work, parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
