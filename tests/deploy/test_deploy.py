"""The files under `deploy/`: the commands, settings and metrics that they name exist, and linters accept them."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import tasks.job_metrics
import web.observed
from api.internal.metrics import FiguresCollector, ProcessCollector
from bootstrap import PDF_LIBRARIES
from domain.system.health import Figures
from run import command_line
from settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
RULES = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARD = DEPLOY / "grafana" / "ladle.json"
# What the image and its tools read besides our own settings.
NOT_OURS = {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "XDG_CACHE_HOME"}
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
SECRET = "0123456789abcdef0123456789abcdef"
OWN = re.compile(r"^\s*(?:from|import) (\w+)", re.MULTILINE)
METRIC = re.compile(r"\bladle_\w+")
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def read_env(text: str) -> dict[str, str]:
    """NAME=value, a line each."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def read_compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def read_objects() -> list[dict[str, Any]]:
    """Every Kubernetes object."""
    return [item for file in KUBERNETES for item in yaml.safe_load_all(file.read_text())]


def read_unit(file: Path) -> dict[str, list[str]]:
    """The values of each key of a unit."""
    found: dict[str, list[str]] = {}
    for line in file.read_text().splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """The pod of each object that has one."""
    for item in read_objects():
        if "template" in item.get("spec", {}):
            yield item["kind"], item["spec"]["template"]["spec"]


def commands() -> list[list[str]]:
    """The arguments of run.py in every file."""
    docker = (DEPLOY / "Dockerfile").read_text()
    found = [json.loads(re.findall(r"^CMD (\[.*\])$", docker, re.MULTILINE)[-1])]
    found += [
        service["command"] for service in read_compose()["services"].values() if service["image"] == "ladle:latest"
    ]
    found += [container["args"] for _, pod in pods() for container in pod["containers"]]
    for unit in UNITS:
        for line in read_unit(unit)["ExecStart"]:
            found.append(shlex.split(line.replace("%i", "8000"))[2:])
    return found


def exported_metrics() -> set[str]:
    """The names of every series that /metrics of a server or a worker can have."""
    assert tasks.job_metrics.JOB_SECONDS
    assert web.observed.POOL
    nothing = Decimal(0)
    figures = Figures(0, 0.0, {}, {}, {}, (), 0, 0.0, 0, 0, nothing, nothing, nothing, 0, 0, 0)
    families = [*FiguresCollector(figures).collect(), *ProcessCollector().collect(), *REGISTRY.collect()]
    return {family.name + suffix for family in families for suffix in SUFFIXES.get(family.type, ())}


def test_every_command_is_one_of_ours() -> None:
    found = commands()
    assert len(found) == 1 + 3 + 3 + 3
    for arguments in found:
        assert command_line().parse_args(arguments).command in {"serve", "worker", "migrate"}


def test_every_setting_is_one_of_ours() -> None:
    named = set(read_env((DEPLOY / "ladle.env.example").read_text()))
    for item in read_objects():
        named |= set(item.get("data", {})) | set(item.get("stringData", {}))
    for unit in UNITS:
        named |= {value.partition("=")[0] for value in read_unit(unit).get("Environment", [])}
    docker = (DEPLOY / "Dockerfile").read_text().rpartition("FROM ")[2].replace("\\\n", " ")
    named |= {
        word.partition("=")[0] for line in re.findall(r"^ENV (.*)$", docker, re.MULTILINE) for word in line.split()
    }
    assert {name for name in named - NOT_OURS if name.lower() not in Settings.model_fields} == set()


def test_the_example_starts_a_production_once_its_secrets_are_there() -> None:
    given = read_env((DEPLOY / "ladle.env.example").read_text())
    given |= {"SECRET_KEY": SECRET, "DATA_KEYS": SECRET[::-1], "METRICS_TOKEN": SECRET}
    filled = {name.lower(): value for name, value in given.items() if value}
    chosen = Settings(_env_file=None, **filled)  # type: ignore[arg-type]
    assert (chosen.is_production, chosen.drain_for, chosen.worker_metrics) == (True, 5.0, "0.0.0.0:9100")
    assert read_compose()["networks"]["inside"]["ipam"]["config"][0]["subnet"] in chosen.trusted_proxies


def test_the_image_has_every_module_and_library_that_it_needs() -> None:
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    kept = [line[1:] for line in ignore if line.startswith("!")]
    assert [name for name in kept if not (ROOT / name).exists()] == []
    ours = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    only_here = {"supervise.py", "sandbox.py"}
    files = [file for name in kept if (ROOT / name).is_dir() for file in (ROOT / name).rglob("*.py")]
    files += [ROOT / name for name in kept if name.endswith(".py")]
    wanted = {name for file in files if file.name not in only_here for name in OWN.findall(file.read_text())}
    assert wanted & ours - {Path(name).stem for name in kept} == set()
    docker = (DEPLOY / "Dockerfile").read_text()
    assert [package for package in PDF_LIBRARIES.values() if package not in docker] == []
    assert "USER 10001" in docker
    assert "HEALTHCHECK" in docker


def test_the_compose_file_holds_together() -> None:
    compose = read_compose()
    for name, service in compose["services"].items():
        assert service["image"], name
        for other in service.get("depends_on", ()):
            assert other in compose["services"]
        for mount in service.get("volumes", ()):
            source = mount.partition(":")[0]
            assert source in compose["volumes"] or source in {"./Caddyfile", "./backups"}, mount
        if service["image"] == "ladle:latest":
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]


def test_each_kubernetes_object_has_what_it_needs() -> None:
    found = read_objects()
    assert {item["kind"] for item in found} == {
        "Namespace", "ConfigMap", "Secret", "Job", "Deployment", "Service", "PodDisruptionBudget", "Ingress",
    }  # fmt: skip
    pods_labels = [
        item["spec"]["template"]["metadata"]["labels"] for item in found if "template" in item.get("spec", {})
    ]
    for item in found:
        assert item["apiVersion"]
        assert item["metadata"]["name"].startswith("ladle")
        assert item["kind"] == "Namespace" or item["metadata"]["namespace"] == "ladle"
        selector = item.get("spec", {}).get("selector", {})
        wanted = selector.get("matchLabels", selector)
        assert not wanted or any(wanted.items() <= labels.items() for labels in pods_labels), item["metadata"]["name"]
    for kind, pod in pods():
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["resources"]["limits"]["memory"]
            ports = {port["name"] for port in container.get("ports", ())}
            probes = [
                container[name] for name in ("startupProbe", "livenessProbe", "readinessProbe") if name in container
            ]
            assert len(probes) == (3 if kind == "Deployment" else 0)
            assert {probe["httpGet"]["port"] for probe in probes} <= ports
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_a_pod_has_the_time_to_drain() -> None:
    settings = next(item for item in read_objects() if item["kind"] == "ConfigMap")["data"]
    grace = [pod["terminationGracePeriodSeconds"] for kind, pod in pods() if kind == "Deployment"]
    assert max(grace) >= float(settings["DRAIN_SECONDS"]) + 10


@pytest.mark.parametrize("unit", UNITS, ids=[unit.name for unit in UNITS])
def test_a_unit_runs_as_nobody_special(unit: Path) -> None:
    keys = read_unit(unit)
    assert keys["User"] == ["ladle"]
    assert keys["ProtectSystem"] == ["strict"]
    assert keys["NoNewPrivileges"] == ["yes"]
    assert keys["CapabilityBoundingSet"] == [""]


def test_every_metric_of_the_rules_and_the_dashboard_is_exported() -> None:
    exported = exported_metrics()
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    board = json.loads(DASHBOARD.read_text())
    said = [rule["expr"] for rule in rules] + [
        target["expr"] for panel in board["panels"] for target in panel["targets"]
    ]
    assert {name for text in said for name in METRIC.findall(text)} - exported == set()
    assert all(rule["labels"]["severity"] in {"page", "ticket"} for rule in rules)


def test_what_to_do_about_each_alert_is_written_down() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    assert [rule["alert"] for rule in rules if rule["alert"] not in guide] == []


def find_linter(name: str, what: str) -> str:
    """The program, or a skip that says what is not linted."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed, so {what} is not linted by it.")
    return found


def lint(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_rules() -> None:
    lint(find_linter("promtool", "deploy/prometheus/alerts.yml"), "check", "rules", str(RULES))


def test_nginx_takes_the_site(tmp_path: Path) -> None:
    nginx = find_linter("nginx", "deploy/nginx.conf")
    openssl = find_linter("openssl", "deploy/nginx.conf (which needs a certificate)")
    key, certificate = tmp_path / "key.pem", tmp_path / "fullchain.pem"
    lint(
        openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
        "-subj", "/CN=shop.example.com", "-keyout", str(key), "-out", str(certificate),
    )  # fmt: skip
    site = (DEPLOY / "nginx.conf").read_text().replace("/etc/ssl/ladle", str(tmp_path))
    (tmp_path / "site.conf").write_text(
        site.replace("listen 80;", "listen 18080;").replace("listen 443", "listen 18443")
    )
    temporary = "".join(
        f"{name}_temp_path {tmp_path};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}"
        f" http {{ access_log off; {temporary} include {tmp_path}/site.conf; }}"
    )
    lint(nginx, "-t", "-q", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"))


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    analyze = find_linter("systemd-analyze", "deploy/systemd")
    for unit in UNITS:
        text = unit.read_text().replace("/opt/ladle/.venv/bin/python", sys.executable).replace("/opt/ladle", str(ROOT))
        (tmp_path / unit.name.replace("@", "@8000")).write_text(text)
    files = sorted(str(file) for file in tmp_path.iterdir())
    done = subprocess.run(
        [analyze, "verify", "--man=no", *files],
        capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )  # fmt: skip
    assert not [line for line in done.stderr.splitlines() if "ladle" in line], done.stderr


def test_caddy_takes_its_file() -> None:
    caddy = find_linter("caddy", "deploy/Caddyfile")
    lint(
        "env",
        "DOMAIN=shop.example.com",
        caddy,
        "validate",
        "--config",
        str(DEPLOY / "Caddyfile"),
        "--adapter",
        "caddyfile",
    )


def test_kubeconform_takes_the_objects() -> None:
    lint(find_linter("kubeconform", "deploy/kubernetes"), "-strict", "-summary", *map(str, KUBERNETES))


def test_hadolint_takes_the_dockerfile() -> None:
    lint(find_linter("hadolint", "deploy/Dockerfile"), "--ignore", "DL3008", str(DEPLOY / "Dockerfile"))
