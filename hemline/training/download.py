"""A large file over HTTP: goes on where it broke off, shows how far it is."""

import math
import os
import time
from pathlib import Path

import httpx

from hemline.errors import HemlineError
from hemline.progress import progress

CHUNK = 2**20  # bytes: written at once, and counted by the progress
TIMEOUT = httpx.Timeout(60, connect=15)  # seconds without a byte
PAUSE = 1.0  # seconds before the next try


def download(url: str, part: Path, title: str) -> None:
    """Bring `part` up to all that `url` has; what an earlier try left there is kept if the server goes on after it.

    A broken connection is taken up again as long as each try brings more bytes; then HemlineError, with `part` left for
    the next call.
    """
    most = _size(part)
    while True:
        try:
            return _go_on(url, part, title)
        except httpx.HTTPStatusError as error:
            raise HemlineError(f"{url}: the server answered {error.response.status_code}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            got = _size(part)
            if got <= most:
                raise HemlineError(f"{url}: {error or type(error).__name__}") from None
            most = got
        time.sleep(PAUSE)


def _go_on(url: str, part: Path, title: str) -> None:
    asked = _rest(part)
    headers = {"Accept-Encoding": "identity", **asked}
    with httpx.stream("GET", url, headers=headers, follow_redirects=True, timeout=TIMEOUT) as response:
        useless = bool(asked) and _useless(response, asked)
        if not useless:
            _save(response.raise_for_status(), part, title)
    if useless:
        part.unlink()
        _go_on(url, part, title)


def _rest(part: Path) -> dict[str, str]:
    """Headers that ask for what `part` lacks, if the file is still the one that it began with (RFC 9110, 13.1.5)."""
    version = _version_file(part)
    if not _size(part) or not version.is_file():
        return {}
    return {"Range": f"bytes={_size(part)}-", "If-Range": version.read_text(encoding="utf-8")}


def _useless(response: httpx.Response, asked: dict[str, str]) -> bool:
    """Whether the answer to a request for the rest is no rest of this file, though it says so."""
    if response.status_code == 416:  # there is nothing after it
        return True
    if response.status_code != 206:
        return False
    start = asked["Range"].removeprefix("bytes=")
    goes_on = response.headers.get("Content-Range", "").startswith(f"bytes {start}")
    return not goes_on or _version(response) != asked["If-Range"]


def _save(response: httpx.Response, part: Path, title: str) -> None:
    _version_file(part).unlink(missing_ok=True)
    size = response.headers.get("Content-Length")
    chunks = math.ceil(int(size) / CHUNK) if size else None
    with open(part, "ab" if response.status_code == 206 else "wb") as handle:
        if version := _version(response):
            _version_file(part).write_text(version, encoding="utf-8")
        for chunk in progress(response.iter_raw(CHUNK), title, chunks, unit="MiB"):
            handle.write(chunk)
        handle.flush()
        os.fsync(handle.fileno())
    _version_file(part).unlink(missing_ok=True)


def _version(response: httpx.Response) -> str:
    """What tells this version of the file from others: a strong ETag, else the date; "" if the server says neither."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def _version_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
