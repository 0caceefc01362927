"""The repository's own rules, read off the repository: style that is not checked is style that is lost."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor import TREE
from viral_engine.runtime.spec import ChildSpec, Supervisor, Worker

ROOT = Path(__file__).resolve().parents[2]
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400
SUPERVISOR_LINES_MAX = 80
NOT_SOURCE = ("docs/", "examples/", "constraints.txt")


def tracked() -> list[Path]:
    """Every file that git tracks or would."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def python_files(*folders: str) -> list[Path]:
    """Python files below these folders of the repository."""
    return [
        path
        for path in tracked()
        if path.suffix == ".py" and (not folders or path.relative_to(ROOT).parts[0] in folders)
    ]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def paths(spec: ChildSpec, path: str = "") -> Iterator[str]:
    """Every node of the tree below the root."""
    if isinstance(spec, Supervisor):
        for child in spec.children:
            yield f"{path}/{child.name}"
            yield from paths(child, f"{path}/{child.name}")


def test_nothing_points_to_a_list_that_is_not_here() -> None:
    pointer = re.compile(r"\b[Ff]ault \d|\brows? [A-Z]\d|\b[Cc]ompliance [A-Z]\d|[(,] ?decision \d|\breference/")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in python_files()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pointer.search(line) and path != Path(__file__)
    ]
    assert found == []


def test_no_function_is_longer_than_seventy_lines() -> None:
    too_long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in python_files()
        for node in functions(path)
        if (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert too_long == []


def test_no_source_file_holds_more_than_one_idea_fits_in() -> None:
    too_long = [
        str(path.relative_to(ROOT))
        for path in python_files("viral_engine", "supervisor.py", "bench")
        if len(path.read_text().splitlines()) > FILE_LINES_MAX
    ]
    assert too_long == []


def test_the_tree_fits_on_one_screen() -> None:
    assert len((ROOT / "supervisor.py").read_text().splitlines()) <= SUPERVISOR_LINES_MAX


def test_no_test_sleeps() -> None:
    sleeping = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files("tests")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and re.search(r"(^|\.)sleep$", ast.unparse(node.func))
    ]
    assert sleeping == []


def test_every_node_of_the_tree_has_its_folder_and_every_folder_its_node() -> None:
    actors = ROOT / "viral_engine" / "actors"
    folders = {
        "/" + str(folder.relative_to(actors))
        for folder in actors.rglob("*")
        if folder.is_dir() and folder.name != "__pycache__"
    }
    assert folders == set(paths(TREE))


def test_every_leaf_of_the_tree_keeps_its_actor_in_actor_py() -> None:
    def leaves(spec: ChildSpec, path: str = "") -> Iterator[tuple[str, str]]:
        if isinstance(spec, Supervisor):
            for child in spec.children:
                yield from leaves(child, f"{path}/{child.name}")
        elif isinstance(spec, Worker):
            yield path, spec.actor_class.__module__

    for path, module in leaves(TREE):
        assert module == "viral_engine.actors" + path.replace("/", ".") + ".actor"


def test_no_file_names_a_package_registry_or_a_folder_of_somebodys_machine() -> None:
    forbidden = re.compile(r"pypi\.org|pythonhosted|registry\.npmjs|deb\.debian\.org|/root/|/home/\w+/|/work/")
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked()
        if path.suffix in {".py", ".md", ".toml", ".txt", ".sh", ".yaml", ".yml", ".json", ".html", ".js", ""}
        and path != Path(__file__)
        and "vendor" not in path.parts
        for match in forbidden.finditer(path.read_text(errors="replace"))
    ]
    assert found == []


@pytest.mark.parametrize("module", ["viral_engine.cli.main"])
def test_the_cli_starts_without_the_servers_libraries(module: str) -> None:
    script = (
        f"import sys, {module}; print([n for n in ('pykka', 'sqlalchemy', 'starlette', 'rich', 'psycopg', 'uvicorn')"
        " if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_every_package_says_what_it_is_for_and_imports_nothing() -> None:
    for init in (ROOT / "viral_engine").rglob("__init__.py"):
        body = ast.parse(init.read_text()).body
        assert body, init
        assert isinstance(body[0], ast.Expr), init
        assert not [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)], init
