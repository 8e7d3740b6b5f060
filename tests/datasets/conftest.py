"""Small data sets in DeepFashion2's layout, and zip files encrypted as its zip files are."""

import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hemline.wardrobe import wardrobe

SIZE = (120, 160)


def make_garment(number: int = 8, visibility: int = 2, **changes: Any) -> dict[str, Any]:
    """A flawless garment; landmarks lie on a diagonal inside its box 10, 20, 100, 140."""
    entry = wardrobe("deepfashion2").category(number)
    landmarks: list[int] = []
    for index in range(entry.count):
        landmarks += [12 + 2 * index, 22 + 3 * index, visibility] if visibility else [0, 0, 0]
    item = {
        "category_id": number,
        "category_name": entry.name,
        "style": 1,
        "bounding_box": [10, 20, 100, 140],
        "landmarks": landmarks,
        "segmentation": [[10, 20, 100, 20, 100, 140]],
        "scale": 2,
        "occlusion": 1,
        "zoom_in": 1,
        "viewpoint": 2,
    }
    return item | changes


def make_jpeg(seed: int = 0, size: tuple[int, int] = SIZE, **options: Any) -> bytes:
    """A picture of noise (noise makes a file long enough to be cut)."""
    noise = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, **{"format": "JPEG", **options})
    return buffer.getvalue()


class RawFolder:
    """A split's folder being written. Pictures differ unless `picture` is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "image").mkdir(parents=True)
        (folder / "annos").mkdir()

    def add(
        self, stem: str | int, *garments: dict[str, Any], picture: bytes | None = None, **top: Any
    ) -> None:
        """One picture; garments become item1, item2, ..."""
        stem = f"{stem:06d}" if isinstance(stem, int) else stem
        items = {f"item{number}": garment for number, garment in enumerate(garments, start=1)}
        annotation = {"source": "shop", "pair_id": int(stem), **items, **top}
        (self.folder / "annos" / f"{stem}.json").write_text(json.dumps(annotation))
        data = make_jpeg(len(os.listdir(self.folder / "image")) + 100) if picture is None else picture
        (self.folder / "image" / f"{stem}.jpg").write_bytes(data)

    def picture(self, number: int) -> Path:
        return self.folder / "image" / f"{number:06d}.jpg"

    def annotation(self, number: int) -> Path:
        return self.folder / "annos" / f"{number:06d}.json"


@pytest.fixture
def raw_folder(tmp_path: Path) -> Callable[[str], RawFolder]:
    """Makes an empty split's folder of a name."""
    return lambda name: RawFolder(tmp_path / name)


@pytest.fixture
def train(raw_folder: Callable[[str], RawFolder]) -> RawFolder:
    """Three flawless pictures: 1 with trousers, 2 with a top and a skirt, 12 with an occluded top."""
    folder = raw_folder("train")
    folder.add(1, make_garment(8))
    folder.add(2, make_garment(1), make_garment(9))
    folder.add(12, make_garment(1, visibility=1))
    return folder


@pytest.fixture
def garment() -> Callable[..., dict[str, Any]]:
    return make_garment


@pytest.fixture
def jpeg() -> Callable[..., bytes]:
    return make_jpeg


_CRC_TABLE = [0] * 256
for _index in range(256):
    _value = _index
    for _ in range(8):
        _value = (_value >> 1) ^ (0xEDB88320 if _value & 1 else 0)
    _CRC_TABLE[_index] = _value


def _encrypt(data: bytes, password: bytes) -> bytes:
    """PKZIP's traditional encryption (APPNOTE.TXT 6.1), which zipfile reads but does not write."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def step(byte: int) -> None:
        keys[0] = (keys[0] >> 8) ^ _CRC_TABLE[(keys[0] ^ byte) & 0xFF]
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = (keys[2] >> 8) ^ _CRC_TABLE[(keys[2] ^ (keys[1] >> 24)) & 0xFF]

    for byte in password:
        step(byte)
    out = bytearray()
    for byte in data:
        mixed = (keys[2] & 0xFFFF) | 2
        out.append(byte ^ ((mixed * (mixed ^ 1)) >> 8 & 0xFF))
        step(byte)
    return bytes(out)


def write_zip(path: Path, members: dict[str, bytes], password: str | None = None) -> Path:
    """A zip file, encrypted when a password is given."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    if password is not None:
        _encrypt_members(path, password.encode())
    return path


def _encrypt_members(path: Path, password: bytes) -> None:
    """Rewrite the archive with every member encrypted: headers by hand, since zipfile writes none of these."""
    out, directory = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            plain = archive.read(info)
            squeeze = zlib.compressobj(wbits=-15)
            body = squeeze.compress(plain) + squeeze.flush()
            data = _encrypt(bytes(11) + bytes([zlib.crc32(plain) >> 24]) + body, password)
            name = info.filename.encode()
            sizes = struct.pack("<IIIHH", zlib.crc32(plain), len(data), len(plain), len(name), 0)
            common = struct.pack("<HHHHH", 20, 1, zipfile.ZIP_DEFLATED, 0, 0x21)
            attributes = struct.pack("<HHHII", 0, 0, 0, info.external_attr, out.tell())
            directory.write(b"PK\1\2" + struct.pack("<H", 0x0314) + common + sizes + attributes + name)
            out.write(b"PK\3\4" + common + sizes + name + data)
        count = len(archive.infolist())
    start, size = out.tell(), directory.tell()
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, size, start, 0)
    path.write_bytes(out.getvalue() + directory.getvalue() + end)


@pytest.fixture
def make_zip(tmp_path: Path) -> Callable[..., Path]:
    """write_zip into a temporary folder, by the archive's name."""
    return lambda name, members, password=None: write_zip(tmp_path / name, members, password)
