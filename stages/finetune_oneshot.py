"""finetune_oneshot@NAME: a one-shot network finetuned at another input size (paper 001, Figure 1)."""

from hemline.params import load_params
from hemline.training.launching import launch
from stages.stage import Attempt, main
from stages.train_oneshot import model_folder, train


def finetune_oneshot(name: str) -> None:
    """Write oneshot/models/PAGE/NAME."""
    params = load_params()
    launch(params.oneshot.settings(name).gpus)
    attempt = Attempt(f"finetune_oneshot@{name}", model_folder(params, name))
    train(params, name, attempt, base=params.oneshot.finetuned[name].base)


if __name__ == "__main__":
    main(finetune_oneshot)
