"""One-shot networks on mmdet: garments and their landmarks at once (DeepMark, paper 001).

In the order of the work: pictures.py, fitting.py and transforms.py make samples; dla.py, hourglass.py, head.py and
deepmark.py are the network (network.py builds it, centernet.py names its published weights), targets.py and losses.py
what it learns (training.py, schedule.py), decoding.py what its maps say; finding.py and predictor.py give garments.
"""

from hemline.oneshot.finding import OneShot, find_images
from hemline.oneshot.network import build_oneshot
from hemline.oneshot.training import train_oneshot

__all__ = ["OneShot", "build_oneshot", "find_images", "train_oneshot"]
