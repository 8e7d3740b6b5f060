"""The work pools' templates, with a real Prefect server; and what a pod does, in a folder instead of an image."""

import asyncio
import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import PrefectHTTPStatusError
from prefect.utilities.templating import find_placeholders
from prefect.workers.base import BaseJobConfiguration

from tests.pipelines.project import ROOT, Project
from tests.pipelines.waiting import prefect_server

TEMPLATES = {
    name: json.loads((ROOT / "containers" / f"{name}.json").read_text()) for name in ("kubernetes", "docker")
}
NEEDED = {
    "kubernetes": {"image": "hemline:1", "repository": "https://localhost/hemline.git"},
    "docker": {"image": "hemline:1", "repository": "https://localhost/hemline.git", "env_file": "/etc/hemline.env"},
}  # fmt: skip


# ---- the templates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_placeholder_is_a_variable_and_each_variable_has_its_place(name):
    template = TEMPLATES[name]
    placeholders = {placeholder.name for placeholder in find_placeholders(template["job_configuration"])}
    # Prefect itself adds the variable `env` to the job's own.
    assert isinstance(template["job_configuration"]["env"], dict)
    assert placeholders | {"env"} == set(template["variables"]["properties"])


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_variable_says_what_it_is(name):
    schema = TEMPLATES[name]["variables"]
    Draft202012Validator.check_schema(schema)
    for words in schema["properties"].values():
        assert words["title"] and words["description"].endswith(".") and words["type"]
    defaults = {key: words["default"] for key, words in schema["properties"].items() if "default" in words}
    Draft202012Validator(schema).validate({**defaults, **NEEDED[name]})
    assert set(schema["required"]) == set(NEEDED[name])


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_documented_values_are_right_and_enough(name):
    page = (ROOT / "docs" / "containers.md").read_text()
    (values,) = re.findall(rf"deploy --name stage --pool {name} --job-variable \\\s+'(.*)'", page)
    Draft202012Validator(TEMPLATES[name]["variables"]).validate(json.loads(values))


@pytest.mark.parametrize("name", TEMPLATES)
def test_it_holds_no_secret(name):
    assert set(TEMPLATES[name]["job_configuration"]["env"]) == {"HEMLINE_REPOSITORY"}
    assert TEMPLATES[name]["variables"]["properties"]["env"]["default"] == {}


# ---- with Prefect's server -------------------------------------------------------------------------------


class Job(BaseJobConfiguration, extra="allow"):
    """What any worker makes of a template; a pool's own keys are extras here."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with prefect_server(tmp_path_factory.mktemp("prefect"), PYTHONPATH=str(ROOT)) as server:
        yield server


@pytest.fixture(scope="module")
def pools(server):
    """Both pools, and the deployment of a stage in the first, made by the command of docs/containers.md."""

    async def create(name):
        async with PrefectClient(server.url) as client:
            pool = WorkPoolCreate(name=name, type=name, base_job_template=TEMPLATES[name])
            return await client.create_work_pool(pool)

    made = {name: asyncio.run(create(name)) for name in TEMPLATES}
    words = ["--name", "stage", "--pool", "kubernetes", "--job-variable", json.dumps(NEEDED["kubernetes"])]
    deploy = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", *words]
    subprocess.run(deploy, cwd=ROOT, check=True, capture_output=True)
    return made


def job(server, pools, name: str, parameters: dict | None = None, **variables) -> SimpleNamespace:
    """A new run of a stage, as a worker of the pool would start it."""

    async def resolve():
        async with PrefectClient(server.url) as client:
            deployment = await client.read_deployment_by_name("hemline-stage/stage")
            run = await client.create_flow_run_from_deployment(
                deployment.id,
                parameters=parameters or {"stage": "prepare", "commit": "0", "entries": {}},
                job_variables={**NEEDED[name], **variables},
            )
            made = await Job.resolve_for_flow_run(
                run, client=client, work_pool=pools[name], worker_name="worker"
            )
        return SimpleNamespace(
            run=run, env=made.env, command=made.command, **{"volumes": [], **made.model_extra}
        )

    return asyncio.run(resolve())


def test_a_pod_has_its_gpu_its_memory_its_secret(server, pools):
    made = job(server, pools, "kubernetes", gpus=2, cpu="4", secret_name="mine", env={"A": "1"})
    assert made.namespace == "default"
    assert made.env["HEMLINE_REPOSITORY"] == "https://localhost/hemline.git" and made.env["A"] == "1"
    pod = made.job_manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"]["limits"] == {"cpu": "4", "memory": "32Gi", "nvidia.com/gpu": 2}
    assert container["envFrom"] == [{"secretRef": {"name": "mine"}}]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
    assert mounts["/dev/shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "8Gi"}
    assert mounts["/cache"] == {"name": "cache", "emptyDir": {}}
    assert "serviceAccountName" not in pod


def test_a_pods_cache_may_be_a_claim(server, pools):
    claim = {"name": "cache", "persistentVolumeClaim": {"claimName": "hemline-cache"}}
    made = job(server, pools, "kubernetes", cache=claim)
    assert claim in made.job_manifest["spec"]["template"]["spec"]["volumes"]


def test_wrong_values_are_refused_before_a_pod_starts(server, pools):
    for wrong in ({"gpus": -1}, {"gpus": "1"}, {"image": None}, {"image_pull_policy": "Sometimes"}):
        with pytest.raises(PrefectHTTPStatusError, match="Validation failed"):
            job(server, pools, "kubernetes", **wrong)


def test_a_docker_container_has_all_gpus_and_the_shared_leases(server, pools):
    made = job(server, pools, "docker")
    assert made.volumes == [
        "/etc/hemline.env:/run/hemline.env:ro", "hemline-cache:/cache", "hemline-leases:/leases",
    ]  # fmt: skip
    assert made.container_create_kwargs == {
        "device_requests": [{"count": -1, "capabilities": [["gpu"]]}], "shm_size": "8g",
    }  # fmt: skip


def test_a_pod_runs_its_stage_and_pushes_the_result(server, pools, tmp_path):
    """The container's start, the command that Kubernetes' worker gives it, the environment of the job."""
    origin = Project(tmp_path / "origin", ["a"], git=True)
    remote = ["remote", "add", "-d", "store", str(tmp_path / "store")]
    subprocess.run([sys.executable, "-m", "dvc", *remote], cwd=origin.root, check=True)
    origin.commit("a project")
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=origin.root, text=True).strip()
    made = job(
        server,
        pools,
        "kubernetes",
        {"stage": "prepare", "commit": commit, "entries": {}},
        repository=str(origin.root),
    )
    container = tmp_path / "container"
    container.mkdir()
    machine = {
        **os.environ,
        "HEMLINE_ENV_FILE": "",
        "HEMLINE_LEASES": str(tmp_path / "leases"),
        "HEMLINE_ROOT": str(container),  # the image's installation knows its place, the tests' doesn't
    }
    command = [ROOT / "containers" / "entrypoint", *made.command.split()]
    done = subprocess.run(
        command, cwd=container, env={**machine, **made.env}, capture_output=True, text=True, timeout=300
    )

    async def state():
        async with PrefectClient(server.url) as client:
            return (await client.read_flow_run(made.run.id)).state

    assert asyncio.run(state()).is_completed(), done.stdout + done.stderr
    assert (container / "out" / "prepare").is_file()
    assert len([path for path in (tmp_path / "store").rglob("*") if path.is_file()]) == 1
