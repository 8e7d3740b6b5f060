"""Names of weights in CenterNet's published files, and in our models."""

import re

# In order: each pattern is replaced where it stands. Both networks' names; none of one occurs in the other.
_TRUNK = [
    (r"^module\.", ""),  # of DataParallel
    (r"^base\.", "backbone.trunk."),
    (r"^dla_up\.ida_(\d)\.", r"backbone.joins.\1."),
    (r"^ida_up\.", "backbone.last."),
    (r"\.conv_offset_mask\.", ".conv_offset."),
    (r"^pre\.1\.", "backbone.stem.1.0."),
    (r"^pre\.", "backbone.stem."),
    (r"^kps\.", "backbone.hourglass_modules."),
    (r"^cnvs\.", "backbone.out_convs."),
    (r"^inters\.", "backbone.inters."),
    (r"^inters_\.(\d)\.0\.", r"backbone.conv1x1s.\1.conv."),
    (r"^inters_\.(\d)\.1\.", r"backbone.conv1x1s.\1.bn."),
    (r"^cnvs_\.(\d)\.0\.", r"backbone.remap_convs.\1.conv."),
    (r"^cnvs_\.(\d)\.1\.", r"backbone.remap_convs.\1.bn."),
    (r"(^backbone\.(?:stem|hourglass_modules|inters)\..*)\.skip\.", r"\1.downsample."),
]
_JOINING = {"proj": "projections", "up": "ups", "node": "nodes"}
_HEADS = {
    "hm": "centre",
    "wh": "size",
    "reg": "offset",
    "hps": "coarse",
    "hm_hp": "heatmap",
    "hp_offset": "landmark_offset",
}


def rename(key: str) -> str:
    """The name in `DeepMark` of a weight of CenterNet's DLASeg or HourglassNet; a name that neither has stays.

    (xingyizhou/CenterNet, src/lib/models/networks/pose_dla_dcn.py and large_hourglass.py.)
    """
    for pattern, replacement in _TRUNK:
        key = re.sub(pattern, replacement, key)
    if key.startswith(("backbone.joins.", "backbone.last.")):
        return _joining(key)
    return _branch(key)


def _joining(key: str) -> str:
    """`proj_1.conv` -> `projections.0.0`: layers counted from 0, and a convolution's parts by number."""
    key = re.sub(r"\.(proj|up|node)_(\d)\.", lambda found: f".{_JOINING[found[1]]}.{int(found[2]) - 1}.", key)
    key = re.sub(r"(projections|nodes)\.(\d)\.conv\.", r"\1.\2.0.", key)
    return re.sub(r"(projections|nodes)\.(\d)\.actf\.0\.", r"\1.\2.1.", key)


def _branch(key: str) -> str:
    """Branches of a stack: DLASeg has one, without number; HourglassNet's first layer is a block of its own."""
    head, _, rest = key.partition(".")
    if head not in _HEADS:
        return key
    if rest.count(".") == 1:
        rest = f"0.{rest}"
    rest = re.sub(r"^(\d)\.1\.(weight|bias)$", r"\1.2.\2", rest)
    rest = re.sub(r"^(\d)\.0\.conv\.", r"\1.0.", rest)
    return f"bbox_head.branches.{_HEADS[head]}.{rest}"
