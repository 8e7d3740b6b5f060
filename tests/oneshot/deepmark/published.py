"""Keys and shapes of CenterNet's published files, written down from its networks' definitions.

xingyizhou/CenterNet, src/lib/models/networks: pose_dla_dcn.py and large_hourglass.py.
"""

Shapes = dict[str, tuple[int, ...]]

COCO = {"hm": 80, "wh": 2, "reg": 2}


def conv(name: str, inputs: int, outputs: int, size: int, bias: bool = False) -> Shapes:
    """A convolution, `size` squared."""
    weight = {f"{name}.weight": (outputs, inputs, size, size)}
    return {**weight, f"{name}.bias": (outputs,)} if bias else weight


def norm(name: str, channels: int) -> Shapes:
    """Batch normalisation."""
    parts = ("weight", "bias", "running_mean", "running_var")
    return {**{f"{name}.{part}": (channels,) for part in parts}, f"{name}.num_batches_tracked": ()}


def dla_34() -> Shapes:
    """DLASeg for COCO's 80 classes, its trunk with ImageNet's classifier."""
    channels = [16, 32, 64, 128, 256, 512]
    found = {**conv("base.base_layer.0", 3, 16, 7), **norm("base.base_layer.1", 16)}
    for level, inputs in ((0, 16), (1, 16)):
        found |= conv(f"base.level{level}.0", inputs, channels[level], 3)
        found |= norm(f"base.level{level}.1", channels[level])
    for level, levels in ((2, 1), (3, 2), (4, 2), (5, 1)):
        found |= _tree(f"base.level{level}", levels, *channels[level - 1 : level + 1], level_root=level > 2)
    found |= conv("base.fc", 512, 1000, 1, bias=True)
    found |= _joining("dla_up.ida_0", 256, [512], [2])
    found |= _joining("dla_up.ida_1", 128, [256, 256], [2, 2])
    found |= _joining("dla_up.ida_2", 64, [128, 128, 128], [2, 2, 2])
    found |= _joining("ida_up", 64, [128, 256], [2, 4])
    for head, outputs in COCO.items():
        found |= conv(f"{head}.0", 64, 256, 3, bias=True) | conv(f"{head}.2", 256, outputs, 1, bias=True)
    return found


def _tree(
    name: str, levels: int, inputs: int, outputs: int, root: int = 0, level_root: bool = False
) -> Shapes:
    root = (root or 2 * outputs) + (inputs if level_root else 0)
    found: Shapes = {}
    if levels == 1:
        for number, before in ((1, inputs), (2, outputs)):
            block = f"{name}.tree{number}"
            found |= conv(f"{block}.conv1", before, outputs, 3) | norm(f"{block}.bn1", outputs)
            found |= conv(f"{block}.conv2", outputs, outputs, 3) | norm(f"{block}.bn2", outputs)
        found |= conv(f"{name}.root.conv", root, outputs, 1) | norm(f"{name}.root.bn", outputs)
    else:
        found |= _tree(f"{name}.tree1", levels - 1, inputs, outputs)
        found |= _tree(f"{name}.tree2", levels - 1, outputs, outputs, root=root + outputs)
    if inputs != outputs:
        found |= conv(f"{name}.project.0", inputs, outputs, 1) | norm(f"{name}.project.1", outputs)
    return found


def _joining(name: str, outputs: int, channels: list[int], factors: list[int]) -> Shapes:
    found: Shapes = {}
    for number, (inputs, factor) in enumerate(zip(channels, factors, strict=True), start=1):
        for part, before in ((f"proj_{number}", inputs), (f"node_{number}", outputs)):
            found |= norm(f"{name}.{part}.actf.0", outputs)
            found |= conv(f"{name}.{part}.conv", before, outputs, 3, bias=True)
            found |= conv(f"{name}.{part}.conv.conv_offset_mask", before, 27, 3, bias=True)
        found[f"{name}.up_{number}.weight"] = (outputs, 1, 2 * factor, 2 * factor)
    return found


def hourglass_104() -> Shapes:
    """HourglassNet of two stacks for COCO's 80 classes."""
    found = {**conv("pre.0.conv", 3, 128, 7), **norm("pre.0.bn", 128), **_residual("pre.1", 128, 256, True)}
    for stack in range(2):
        found |= _hourglass(f"kps.{stack}", [256, 256, 384, 384, 384, 512], [2, 2, 2, 2, 2, 4])
        found |= conv(f"cnvs.{stack}.conv", 256, 256, 3) | norm(f"cnvs.{stack}.bn", 256)
        for head, outputs in COCO.items():
            found |= conv(f"{head}.{stack}.0.conv", 256, 256, 3, bias=True)
            found |= conv(f"{head}.{stack}.1", 256, outputs, 1, bias=True)
    found |= _residual("inters.0", 256, 256)
    for name in ("inters_.0", "cnvs_.0"):
        found |= conv(f"{name}.0", 256, 256, 1) | norm(f"{name}.1", 256)
    return found


def _hourglass(name: str, channels: list[int], blocks: list[int]) -> Shapes:
    (outer, inner), (number, innermost) = channels[:2], blocks[:2]
    found: Shapes = {}
    for block in range(number):
        found |= _residual(f"{name}.up1.{block}", outer, outer)
        found |= _residual(f"{name}.low1.{block}", inner if block else outer, inner, halves=block == 0)
        found |= _residual(f"{name}.low3.{block}", inner, outer if block == number - 1 else inner)
    if len(channels) > 2:
        return found | _hourglass(f"{name}.low2", channels[1:], blocks[1:])
    for block in range(innermost):
        found |= _residual(f"{name}.low2.{block}", inner, inner)
    return found


def _residual(name: str, inputs: int, outputs: int, halves: bool = False) -> Shapes:
    found = conv(f"{name}.conv1", inputs, outputs, 3) | norm(f"{name}.bn1", outputs)
    found |= conv(f"{name}.conv2", outputs, outputs, 3) | norm(f"{name}.bn2", outputs)
    if halves or inputs != outputs:
        found |= conv(f"{name}.skip.0", inputs, outputs, 1) | norm(f"{name}.skip.1", outputs)
    return found
