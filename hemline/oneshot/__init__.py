"""One-shot networks on mmdet: garments and their landmarks at once (DeepMark, paper 001).

In the order of the work: pictures.py and transforms.py make samples, dla.py, hourglass.py and head.py the network
(network.py), targets.py and losses.py what it learns, decoding.py what its maps say, finding.py garments of pictures.
"""
