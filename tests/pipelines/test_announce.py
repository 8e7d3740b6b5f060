"""Which pushes are new data."""

import subprocess

from pipelines.announce import changed_data


def test_only_dvc_files_count(tmp_path):
    def git(*words):
        who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        done = subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    commits = []
    for content in ({"a.dvc": "1", "code.py": "1"}, {"code.py": "2"}, {"a.dvc": "2", "b/new süits.dvc": "1"}):
        for name, text in content.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        git("add", "-A")
        git("commit", "-q", "-m", "x")
        commits.append(git("rev-parse", "HEAD"))
    assert changed_data(commits[0], commits[1], tmp_path) == []
    assert changed_data(commits[1], commits[2], tmp_path) == ["a.dvc", "b/new süits.dvc"]
