"""`python -m setup`: the locked environment, made, mended or found complete. See setup/run."""

import os
import platform
import sys
import time
from pathlib import Path

from setup import installed, live, machine, preflight, wheels
from setup.environment import Environment
from setup.holding import held
from setup.lock import FROM_REGISTRY, FROM_SOURCE, SetupError, cuda_version, every_pin, lock_key, read_lock

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "hemline"


class Setup:
    """One set-up: what is wanted, what is there, and the steps between."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = read_lock(root / "requirements")
        self.pins = every_pin(self.lock)
        self.target = Environment.of(root, in_place=bool(os.environ.get("HEMLINE_PYTHON")))
        self.cuda, self.nvcc = cuda_version(self.lock), machine.nvcc_version()
        self.variant = wheels.variant_of(os.environ, machine.has_gpu(), self.nvcc, self.cuda)
        self.cache = wheels.cache_folder(os.environ, self.pins["torch"], self.variant)
        self.record = installed.Record.read(self.target.record)
        self.key = lock_key(root, platform.python_version(), self.variant)

    def faulty(self) -> list[str]:
        """Packages to install: missing, of another version, or damaged; mmcv too if its variant changed."""
        names = installed.faulty(self.target.site, self.pins)
        other_variant = self.record.variant not in ("", self.variant)
        return sorted({*names, wheels.MMCV}) if other_variant else names

    def is_complete(self) -> bool:
        """Whether a set-up of these very versions was finished here and all its files are still there."""
        if self.record.key != self.key or not self.target.works():
            return False
        return not self.faulty() and installed.has(self.target.site, PROJECT)

    def run(self) -> None:
        """All steps. The record's key is written last, so that an interrupted set-up is gone on with."""
        preflight.require(self._problems())
        if not self.target.works():
            self.target.create()
        self._mark_unfinished()
        installed.remove_ruins(self.target.site, self.pins)
        faulty = self.faulty()
        self._remove_former()
        self._install_from_registry(faulty)
        self._install_from_source(faulty)
        self.target.install_project(self.root)
        self._finish()

    def _problems(self) -> list[preflight.Problem]:
        build = bool(wheels.missing(self.cache, self.lock[FROM_SOURCE]))
        return preflight.find_problems(
            in_place=self.target.in_place, build=build, variant=self.variant, cuda=self.cuda, nvcc=self.nvcc,
            site=self.target.site, cache=self.cache,
        )  # fmt: skip

    def _mark_unfinished(self) -> None:
        names = sorted({*self.record.names, *self.pins})
        installed.Record(variant=self.record.variant, names=names).write(self.target.record)

    def _remove_former(self) -> None:
        """What an earlier lock brought and this one has not; packages that people added themselves stay."""
        there = installed.names(self.target.site)
        former = [name for name in self.record.names if name not in self.pins and name in there]
        if former:
            self.target.uninstall(former)

    def _install_from_registry(self, faulty: list[str]) -> None:
        """First what builds (pip itself among it), then the rest in one call."""
        tools = {name: version for name, version in self.lock["build"].items() if name in faulty}
        rest = {
            name: version
            for stem in FROM_REGISTRY[1:]
            for name, version in self.lock[stem].items()
            if name in faulty
        }
        for title, pins in (("build tools", tools), ("packages", rest)):
            if pins:
                self.target.install(f"  {title} ({len(pins)})", pins)

    def _install_from_source(self, faulty: list[str]) -> None:
        """Wheels out of the cache, built now if they are not there."""
        wanted = {name: version for name, version in self.lock[FROM_SOURCE].items() if name in faulty}
        if not wanted:
            return
        with held(self.cache):
            files = [self._wheel(name, version) for name, version in wanted.items()]
        self.target.install_wheels(f"  packages built from source ({len(files)})", files)

    def _wheel(self, name: str, version: str) -> Path:
        found = wheels.find_wheel(self.cache, name, version)
        if found is not None:
            return found
        target = self.target
        return wheels.build(target.python, target.site, self.cache, name, version, self.variant)

    def _finish(self) -> None:
        start = time.monotonic()
        try:
            self.target.try_out()
        except SetupError as error:
            hint = f"If a compiled module does not load, delete its wheel in {self.cache} and try again."
            raise SetupError(f"{error}\n{hint}") from None
        print(
            f"  all parts import, the compiled ones work: {live.minutes(time.monotonic() - start)}",
            flush=True,
        )
        installed.Record(self.key, self.variant, sorted(self.pins)).write(self.target.record)


def main() -> int:
    """Make the environment unless it is complete. Returns the exit status."""
    start = time.monotonic()
    try:
        with held(ROOT):
            setup = Setup(ROOT)
            if setup.is_complete():
                return 0
            print("Setting up (the first time takes minutes, later ones a second)", flush=True)
            setup.run()
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. `make setup` goes on from here.", file=sys.stderr)
        return 130
    print(f"Set up in {live.minutes(time.monotonic() - start)}: {setup.target.prefix}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
