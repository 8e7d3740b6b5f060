"""What networks and trainings take, known before they run: sizes, arithmetic, memory, schedules, GPU hours."""

from hemline.planning.counting import Size, size_of
from hemline.planning.networks import Network, networks_of

__all__ = ["Network", "Size", "networks_of", "size_of"]
