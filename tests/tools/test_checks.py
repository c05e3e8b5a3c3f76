from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_s_commands_are_the_lines_of_its_sh_blocks() -> None:
    text = (
        "```sh\none  # why\n\n# all of it\ntwo \\\n  three\n```\n`four`\n```python\nfive\n```\n```sh\nsix '#7'\n```\n"
    )
    assert tool("check_readme").commands(text) == ["one", "two    three", "six '#7'"]


def test_the_readme_has_the_two_commands() -> None:
    commands = tool("check_readme").commands((TOOLS.parent / "README.md").read_text())
    assert commands[:2] == ["make measure", "make test"]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, []),
        ({"augur_edge/py.typed": None}, ["augur_edge/py.typed is missing"]),
        ({"augur_edge/_timing.abi.so": None}, ["the native module _timing is missing"]),
        ({"augur_edge/_kernel.abi.so": None}, ["the native module _kernel is missing"]),
        ({"tests/test_x.py": b""}, ["tests/test_x.py does not belong there"]),
        ({"augur_edge/big": bytes(1_000_000)}, ["more than 1000000"]),
    ],
)
def test_a_wheel_is_held_to_its_content_and_size(
    tmp_path: Path, files: dict[str, bytes | None], found: list[str]
) -> None:
    check = tool("check_wheel")
    whole = dict.fromkeys(
        (*check.WANTED, "augur_edge/_timing.abi.so", "augur_edge/_kernel.abi.so", "augur_edge-0.1.dist-info/METADATA"),
        b"",
    )
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        for name, content in {**whole, **files}.items():
            if content is not None:
                wheel.writestr(name, content)
    problems = check.problems(tmp_path / "a.whl")
    assert len(problems) == len(found) and all(words in got for words, got in zip(found, problems))


AUDITED = """
augur_edge-0.1.0-cp311-cp311-manylinux_2_28_aarch64.whl is consistent
with the following platform tag: "manylinux_2_{}_aarch64".

The wheel {}
"""
NONE = "requires no external shared libraries! :)"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (AUDITED.format(17, NONE), []),
        (AUDITED.format(28, NONE), []),
        (AUDITED.format(34, NONE), ["needs glibc 2.34, newer than 2.28"]),
        (AUDITED.format(17, 'constrains the platform tag to "manylinux_2_17_aarch64".'), []),
        (
            AUDITED.format(17, "The following external shared libraries are required by the wheel: {}"),
            ["needs libraries that are not in every Linux"],
        ),
        ("No module named auditwheel", ["fits no manylinux: No module named auditwheel"]),
    ],
)
def test_a_wheel_is_held_to_the_oldest_glibc(text: str, found: list[str]) -> None:
    problems = tool("check_wheel").symbol_problems(text, "2.28")
    assert len(problems) == len(found) and all(words in got for words, got in zip(found, problems))
