"""What tests of drawn data share."""

import hashlib
from pathlib import Path


def digest(folder: Path) -> str:
    """Of all files in a folder, names and bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(
        b"".join(str(path.relative_to(folder)).encode() + path.read_bytes() for path in files)
    ).hexdigest()
