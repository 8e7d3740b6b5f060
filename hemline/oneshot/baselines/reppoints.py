"""RepPoints' head (Yang et al., ICCV 2019) with torchvision's deformable convolution."""

from mmdet.models.dense_heads import RepPointsHead
from mmdet.registry import MODELS
from torch import Tensor, nn
from torchvision.ops import DeformConv2d

from hemline.oneshot.sampling import point_conv, taps


class OffsetConv(DeformConv2d):
    """A convolution whose taps are moved by given offsets: deformable, version 1 (Dai et al., ICCV 2017).

    It has no bias. torchvision's operator, not mmcv's: it also has shapes without numbers (device "meta") and takes
    part in mixed precision; the values are the same. Its weights start with a deviation of 0.01, as in RepPoints' own
    code.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False)
        nn.init.normal_(self.weight, std=0.01)
        self.register_buffer("grid", taps(kernel_size), persistent=False)

    def forward(self, x: Tensor, offset: Tensor) -> Tensor:
        """(B, in_channels, h, w) and offsets (B, 2 kernel_size^2, h, w), y before x -> (B, out_channels, h, w)."""
        x, offset = x.to(self.weight.dtype), offset.to(self.weight.dtype)
        if x.device.type == "cpu":
            return point_conv(x, offset + self.grid, self.weight)
        return super().forward(x, offset)


@MODELS.register_module()
class OffsetRepPointsHead(RepPointsHead):
    """mmdet's head with `OffsetConv`s: the same maps, losses and names of weights."""

    def _init_layers(self) -> None:
        super()._init_layers()
        for name in ("reppoints_cls_conv", "reppoints_pts_refine_conv"):
            conv = OffsetConv(self.feat_channels, self.point_feat_channels, self.dcn_kernel)
            setattr(self, name, conv)
