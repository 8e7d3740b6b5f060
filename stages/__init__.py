"""One module a DVC stage, named as the stage: read params, call hemline, write outs."""

import os

# OpenMP's waiting threads otherwise spin, and with anything else on the cores a training runs at a fifth of its speed.
# It must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
