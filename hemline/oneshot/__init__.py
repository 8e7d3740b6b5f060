"""One-shot networks on mmdet: garments and their landmarks at once (DeepMark, paper 001).

In the order of the work: pictures.py and transforms.py make samples, dla.py, hourglass.py and head.py the network
(network.py), targets.py and losses.py what it learns, decoding.py what its maps say, finding.py garments of pictures.
"""

from hemline.oneshot.finding import OneShot, find_images
from hemline.oneshot.network import build_oneshot
from hemline.oneshot.training import train_oneshot

__all__ = ["OneShot", "build_oneshot", "find_images", "train_oneshot"]
