"""A wheel carries all that evalbudget needs, and runs from any folder."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
TRAVELLERS = ("tasks", "suites", "dashboards", "embedded")

pytestmark = pytest.mark.slow


def run(*command: str | Path, folder: Path) -> str:
    """What the command prints; fails the test, with both outputs, where it does not end with 0."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built from the source distribution that was built from this repository."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, REPOSITORY, folder=folder)
    assert len(list(folder.glob("*.tar.gz"))) == 1
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a new virtual environment that holds the wheel and sees our dependencies."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, folder=venv.parent)
    python = venv / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", built, folder=venv.parent)
    (packages,) = venv.glob("lib/python3.*/site-packages")
    # a path file adds the folder, not the editable installation that a path file in that folder adds
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return python.parent


def test_the_wheel_holds_the_package_and_every_file_that_travels_with_it(built: Path) -> None:
    names = set(zipfile.ZipFile(built).namelist())
    package = {str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "evalbudget").rglob("*.py")}
    page = {f"evalbudget/report/html/page.{kind}" for kind in ("html", "css")}
    assert package | page | {"evalbudget/py.typed"} <= names
    travelling = {
        f"evalbudget/shipped_files/{path.relative_to(REPOSITORY)}"
        for folder in TRAVELLERS
        for path in (REPOSITORY / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert len(travelling) > 10
    assert travelling <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_holds_nothing_else(built: Path) -> None:
    names = zipfile.ZipFile(built).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"evalbudget"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".duckdb")]
    assert built.stat().st_size < 8_000_000  # most of it the embedded models


def test_the_installed_command_runs_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    where = run(
        installed / "python", "-c", "import evalbudget; print(evalbudget.__file__)", folder=tmp_path
    ).strip()
    assert Path(where).is_relative_to(installed.parent)
    assert "Usage: evalbudget" in run(installed / "evalbudget", "--help", folder=tmp_path)
    assert "Usage: evalbudget" in run(installed / "python", "-m", "evalbudget", "--help", folder=tmp_path)
    assert "aime25" in run(installed / "evalbudget", "tasks", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.engine
def test_the_installed_command_finds_the_shipped_model(installed: Path, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from evalbudget.engines.llamacpp_server import find_gguf\n"
        "print(find_gguf(Path('embedded/scripted.gguf')))"
    )
    found = Path(run(installed / "python", "-c", code, folder=tmp_path).strip())
    assert found.is_file()
    assert found.is_relative_to(installed.parent)
