"""git, through which workers see the project. Without Prefect, for who asks before there is a server."""

import subprocess
from pathlib import Path

from hemline.errors import HemlineError
from pipelines.execute import StageFailed


def committed(root: Path) -> str:
    """The commit that workers are to check out. HemlineError if what is here is not in it."""
    changed = uncommitted(root)
    if changed:
        raise HemlineError(
            f"{root}: changes that are not committed ({changed[0]}); workers see only what is committed and pushed: "
            "git commit, git push"
        )
    return git("rev-parse", "HEAD", cwd=root)


def uncommitted(root: Path) -> list[str]:
    """The tracked files with changes, dvc.lock aside: its entries travel by themselves."""
    lines = git("status", "--porcelain", "--untracked-files=no", cwd=root).splitlines()
    return [path for line in lines if (path := line.split(maxsplit=1)[1]) != "dvc.lock"]


def git(*arguments: str, cwd: Path | None = None) -> str:
    """What git says. Raises as `succeed` does."""
    return succeed(["git", *arguments], cwd)


def succeed(command: list[str], cwd: Path | None) -> str:
    """A command's output. StageFailed with its last words when it fails, which may pass."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or ["no words"]
        words = " ".join(command[command.index("dvc") if "dvc" in command else 0 :][:4])
        raise StageFailed(f"{words}: {said[0]}", transient=True)
    return done.stdout.strip()
