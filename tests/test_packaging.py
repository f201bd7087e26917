"""What `pip install agi-server` brings: a wheel made from the sdist has every file, and the command works from it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from agi_server import __version__
from agi_server.sample_files import samples

ROOT = Path(__file__).parent.parent
NOT_SOURCE = (
    ".git",
    ".venv",
    ".*cache",
    ".coverage*",
    ".hypothesis",
    "build",
    "dist",
    "*.egg-info",
    "__pycache__",
    "agi-server-demo-*",
)
SOURCE = (
    ".dockerignore",
    "agi_server",
    "asterisk",
    "benchmarks",
    "config",
    "container",
    "tests",
    "Dockerfile",
    "compose.yaml",
    "constraints.txt",
)
NAME = f"agi_server-{__version__}"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run this to its end; its output, which is shown if it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist and the wheel made from it."""
    folder = tmp_path_factory.mktemp("packages")
    shutil.copytree(ROOT, folder / "source", symlinks=True, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    run(sys.executable, "-m", "build", "--outdir", folder / "dist", folder / "source")
    return folder / "dist"


def files(name: str) -> set[str]:
    """The files of this folder, or this file, as they lie in the repository."""
    top = ROOT / name
    found = [Path(folder) / file for folder, _, names in os.walk(top, followlinks=True) for file in names]
    return {str(path.relative_to(ROOT)) for path in found if "__pycache__" not in path.parts} or {name}


def test_the_sdist_has_all_that_is_needed_to_work_on_it(packages: Path) -> None:
    with tarfile.open(packages / f"{NAME}.tar.gz") as sdist:
        names = {member.name.removeprefix(f"{NAME}/") for member in sdist}
    assert set().union(*map(files, SOURCE)) - names == set()


def test_the_wheel_has_the_package_and_nothing_else(packages: Path) -> None:
    with zipfile.ZipFile(packages / f"{NAME}-py3-none-any.whl") as wheel:
        names = {name for name in wheel.namelist() if not name.startswith(f"{NAME}.dist-info/")}
    assert names == files("agi_server")
    assert {f"agi_server/share/config/{path}" for path in samples() if path.parts[0] != "asterisk"} < names


@pytest.mark.parametrize("package", [f"{NAME}-py3-none-any.whl", f"{NAME}.tar.gz"], ids=["wheel", "sdist"])
def test_the_command_works_where_it_is_installed(packages: Path, package: str, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    command = tmp_path / "venv" / "bin" / "agi-server"
    pip = (command.with_name("pip"), "install", "--quiet", "--constraint", ROOT / "constraints.txt")
    run(*pip, packages / package, cwd=tmp_path)
    assert __version__ in run(command, "--version")
    said = run(command, "install-samples", tmp_path / "samples")
    for place in samples():
        assert f"wrote {tmp_path / 'samples' / place}\n" in said
    assert f"Next: in {tmp_path / 'samples' / 'agi-server.yaml'} set what" in said
    unit = (tmp_path / "samples" / "systemd" / "agi-server.service").read_text(encoding="utf-8")
    assert f"ExecStart={command} run" in unit
