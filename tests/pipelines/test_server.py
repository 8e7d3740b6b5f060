"""A run's own Prefect server: the port it gets, and what is said of one that doesn't start."""

import socket
from pathlib import Path

import pytest

from hemline.errors import HemlineError
from pipelines import serve
from pipelines.server import OwnServer, free_port
from tests.pipelines.project import Project


def test_a_port_that_no_connection_can_take():
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = {free_port() for _ in range(20)}
    assert len(ports) > 1 and max(ports) < lowest


def test_without_a_free_port(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr("pipelines.server.PORTS", range(port, port + 1))
        with pytest.raises(HemlineError, match=f"none of the ports from {port}"):
            free_port()


def test_a_server_that_ends_is_told_with_its_last_words(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "nonsense://")
    server = OwnServer(tmp_path / "server.log")
    with pytest.raises(HemlineError, match=r"(?s)no Prefect server answers.*server.log.*nonsense"):
        server.wait()
    server.stop()


def test_a_server_that_stays_needs_a_folder_for_its_log(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").touch()
    monkeypatch.setattr("signal.signal", lambda *_: None)
    serve.main()
    assert capsys.readouterr().err.startswith("error: logs: must be a folder that can be written in")


def test_a_server_of_the_users_that_does_not_answer(tmp_path):
    url = f"http://127.0.0.1:{free_port()}/api"
    code, output = Project(tmp_path / "project").run(PREFECT_API_URL=url, PREFECT_HOME=str(tmp_path))
    assert code == 2 and "Traceback" not in output, output
    assert f"error: PREFECT_API_URL is '{url}': no Prefect server answers there" in output
