"""Starting the product: what is checked, what is kept, what is run."""

from __future__ import annotations

import io
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from controlplane.serve.announce import Access, describe
from controlplane.serve.checks import require_free_ports, require_redis
from controlplane.serve.console_log import LineJoiner, listen
from controlplane.serve.plan import PROJECT_ROOT, ServeError, child_environment, read_plan
from controlplane.serve.preparation import tree_digest
from controlplane.serve.programs import list_programs, render_supervisor_config
from controlplane.serve.secret_file import load_secrets
from controlplane.serve.translations import compile_translations


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_plan__nothing_set__loopback_with_own_redis_and_sandbox() -> None:
    plan = read_plan({})

    assert plan.host == "127.0.0.1"
    assert plan.embedded_redis
    assert plan.with_sandbox
    assert plan.data_dir == PROJECT_ROOT / "var"


@pytest.mark.parametrize(
    ("environ", "with_sandbox"),
    [
        ({"OPENAI_API_KEY": "sk-acme"}, False),
        ({"OPENAI_API_KEY": "sk-acme", "SANDBOX": "1"}, True),
        ({"SANDBOX": "0"}, False),
    ],
)
def test_plan__provider_key__decides_about_the_sandbox(
    environ: dict[str, str], *, with_sandbox: bool
) -> None:
    assert read_plan(environ).with_sandbox is with_sandbox


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1", "80 80"])
def test_plan__impossible_port__named_with_its_variable(text: str) -> None:
    with pytest.raises(ServeError, match="CONSOLE_PORT"):
        read_plan({"CONSOLE_PORT": text})


def test_plan__all_interfaces__still_reached_on_loopback() -> None:
    assert read_plan({"HOST": "0.0.0.0"}).console_url == "http://127.0.0.1:8000"  # noqa: S104


def test_plan__provider_key_in_a_file__no_sandbox(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-acme")

    assert not read_plan({"OPENAI_API_KEY_FILE": str(path)}).with_sandbox


@pytest.mark.parametrize("name", ["REDIS_URL", "DATABASE_URL"])
def test_environment__address_in_a_file__given_to_the_processes(tmp_path: Path, name: str) -> None:
    path = tmp_path / "url"
    path.write_text("redis://cache.example:6379/0\n")
    environ = {f"{name}_FILE": str(path)}

    child = child_environment(read_plan(environ), environ, secrets={})

    assert child[name] == "redis://cache.example:6379/0"
    assert f"{name}_FILE" not in child


def test_plan__file_of_an_address_missing__named() -> None:
    with pytest.raises(ServeError, match="REDIS_URL_FILE"):
        read_plan({"REDIS_URL_FILE": "/nowhere/url"})


@pytest.mark.parametrize(("environ", "seconds"), [({}, 13), ({"DRAIN_SECONDS": "60"}, 65)])
def test_config__runtime__has_longer_to_stop_than_it_takes(
    environ: dict[str, str], seconds: int
) -> None:
    config = _config(environ)

    assert config["program:runtime"].getint("stopwaitsecs") == seconds


@pytest.mark.parametrize(("environ", "seconds"), [({}, "8"), ({"DRAIN_SECONDS": "60"}, "60")])
def test_environment__drain_seconds__one_for_the_runtime_and_its_supervisor(
    environ: dict[str, str], seconds: str
) -> None:
    assert child_environment(read_plan(environ), environ, secrets={})["DRAIN_SECONDS"] == seconds


@pytest.mark.parametrize("text", ["0", "soon", "-1"])
def test_plan__impossible_drain__named(text: str) -> None:
    with pytest.raises(ServeError, match="DRAIN_SECONDS"):
        read_plan({"DRAIN_SECONDS": text})


def test_environment__operators_secret__wins_over_the_generated_one() -> None:
    environ = {"SECRET_KEY": "mine", "CREDENTIALS_KEY_FILE": "/run/secrets/key"}
    secrets = {"SECRET_KEY": "made", "CREDENTIALS_KEY": "made", "METRICS_TOKEN": "made"}

    child = child_environment(read_plan(environ), environ, secrets=secrets)

    assert child["SECRET_KEY"] == "mine"
    assert "CREDENTIALS_KEY" not in child
    assert child["METRICS_TOKEN"] == "made"


def test_ports__one_taken__named_with_the_remedy(taken_port: int) -> None:
    plan = read_plan({"SANDBOX_PORT": str(taken_port), "RUNTIME_PORT": "8234"})

    with pytest.raises(ServeError, match=f"port {taken_port} .* set SANDBOX_PORT to a free port"):
        require_free_ports(plan)


def test_ports__one_given_twice__both_variables_named() -> None:
    plan = read_plan({"RUNTIME_PORT": "8235", "CONSOLE_PORT": "8235"})

    with pytest.raises(ServeError, match="RUNTIME_PORT and CONSOLE_PORT"):
        require_free_ports(plan)


def test_redis__with_vector_sets__accepted(redis_url: str) -> None:
    require_redis(redis_url)


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "ftp://127.0.0.1"])
def test_redis__unusable__refused_with_the_variable(url: str) -> None:
    with pytest.raises(ServeError, match="REDIS_URL"):
        require_redis(url)


def test_secrets__second_start__the_same(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"

    first = load_secrets(path)

    assert load_secrets(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    Fernet(first["CREDENTIALS_KEY"])


def test_secrets__damaged_file__refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_bytes(b"{")

    with pytest.raises(ServeError, match="backup"):
        load_secrets(path)

    assert path.read_bytes() == b"{"


def test_config__default_plan__restarts_all_but_the_announcement(tmp_path: Path) -> None:
    config = _config({"DATA_DIR": str(tmp_path)})

    restarted = {
        name.removeprefix("program:"): config[name].getboolean("autorestart")
        for name in config.sections()
        if name.startswith("program:")
    }

    assert restarted == {
        "redis": True,
        "sandbox": True,
        "runtime": True,
        "console": True,
        "ingest": True,
        "worker": True,
        "beat": True,
        "announce": False,
    }


def test_config__redis__stops_after_all_that_write_to_it(tmp_path: Path) -> None:
    config = _config({"DATA_DIR": str(tmp_path)})

    assert config["group:stores"]["programs"] == "redis"
    assert int(config["group:stores"]["priority"]) < int(config["group:services"]["priority"])


def test_config__own_redis_given__none_is_started(tmp_path: Path) -> None:
    config = _config({"DATA_DIR": str(tmp_path), "REDIS_URL": "redis://cache.example:6379/0"})

    assert "program:redis" not in config
    assert "group:stores" not in config


def test_config__percent_in_a_path__escaped(tmp_path: Path) -> None:
    config = _config({"DATA_DIR": str(tmp_path / "100%")})

    assert "100%%" in config["supervisord"]["logfile"]


def test_lines__arriving_in_pieces__printed_whole_under_their_name() -> None:
    joiner = LineJoiner()

    assert joiner.lines("runtime", "one\ntw") == ["runtime  | one"]
    assert joiner.lines("console", "three\n") == ["console  | three"]
    assert joiner.lines("runtime", "o\n") == ["runtime  | two"]


def test_listener__announcement__printed_as_it_is() -> None:
    payload = "processname:announce groupname:services pid:7 channel:stdout\nready 100%\n"
    source = io.StringIO(f"eventname:PROCESS_LOG_STDOUT len:{len(payload)}\n{payload}")
    replies, output = io.StringIO(), io.StringIO()

    listen(source, replies, output)

    assert output.getvalue() == "ready 100%\n"
    assert replies.getvalue() == "READY\nRESULT 2\nOKREADY\n"


def test_announcement__ready__holds_all_that_is_needed() -> None:
    access = Access(username="demo", password="correct horse", app_key="rp_demo_key")

    text = describe(read_plan({}), access)

    for part in ("http://127.0.0.1:8000/", "demo", "correct horse", "Bearer rp_demo_key"):
        assert part in text


def test_translations__newer_source__compiled(tmp_path: Path) -> None:
    folder = tmp_path / "es" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source = folder / "django.po"
    source.write_text('msgid ""\nmsgstr ""\n\nmsgid "Policies"\nmsgstr "Políticas"\n')

    assert compile_translations(tmp_path) == [folder / "django.mo"]
    assert compile_translations(tmp_path) == []


def test_tree_digest__file_touched__differs(tmp_path: Path) -> None:
    file = tmp_path / "console.css"
    file.write_text("a")
    before = tree_digest([file])
    os.utime(file, (1, 1))

    assert tree_digest([file]) != before


def test_serve__port_taken__ends_with_the_reason(tmp_path: Path, taken_port: int) -> None:
    environ = {**os.environ, "DATA_DIR": str(tmp_path), "RUNTIME_PORT": str(taken_port)}

    done = subprocess.run(
        [sys.executable, "-m", "controlplane.serve"],
        cwd=PROJECT_ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert f"Cannot start: port {taken_port}" in done.stderr
    assert "RUNTIME_PORT" in done.stderr


def _config(environ: dict[str, str]) -> RawConfigParser:
    plan = read_plan(environ)
    config = RawConfigParser()
    config.read_string(render_supervisor_config(plan, list_programs(plan)))
    return config
