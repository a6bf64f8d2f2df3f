"""The setup of a fresh clone shows progress, and names what a person must do."""

import errno
import sys
from pathlib import Path

import pytest

import bootstrap

# Says what it does, and ends once somebody has seen it.
SLOW = """
import pathlib, sys, time
print("Collecting stripe==14 (from -r run.txt)", flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.01)
print("done")
"""


def test_a_slow_command_says_what_it_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen, describe = tmp_path / "seen", bootstrap._describe

    def note(lines: list[str]) -> str:
        if lines:
            seen.touch()
        return describe(lines)

    monkeypatch.setattr(bootstrap, "SPEAK_SECONDS", 0.05)
    monkeypatch.setattr(bootstrap, "_describe", note)
    status, output = bootstrap._run_aloud([sys.executable, "-c", SLOW, str(seen)])
    assert (status, output.splitlines()[-1]) == (0, "done")
    said = [line.partition(" s: ")[2] for line in capsys.readouterr().out.splitlines()]
    assert "Collecting stripe==14" in said


def test_libraries_are_counted_while_pip_installs_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    for name in ("stripe-14.dist-info", "quart-0.20.dist-info", "quart"):
        (tmp_path / "lib" / "python3.11" / "site-packages" / name).mkdir(parents=True)
    assert bootstrap._describe(["Installing collected packages: stripe, quart, htmx\n"]) == "2 of 3 libraries are there"
    assert bootstrap._describe([]) == "starting"


def test_a_failed_command_answers_its_status_and_all_it_said() -> None:
    script = "import sys; print('to stdout', flush=True); print('to stderr', file=sys.stderr); sys.exit(3)"
    assert bootstrap._run_aloud([sys.executable, "-c", script]) == (3, "to stdout\nto stderr\n")


@pytest.mark.parametrize(
    ("said", "begin"),
    [
        ("Failed to establish a new connection: [Errno -3] Temporary failure in name resolution", bootstrap.OFFLINE),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "pip could not install requirements/run.txt"),
    ],
)
def test_what_pip_could_not_do_is_explained(monkeypatch: pytest.MonkeyPatch, said: str, begin: str) -> None:
    monkeypatch.setattr(bootstrap, "_run_aloud", lambda *_: (1, said))
    with pytest.raises(bootstrap.SetUpError) as refused:
        bootstrap._install_locked(bootstrap.ROOT / "requirements" / "run.txt")
    assert str(refused.value) == f"{begin}:\n{said}"


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_checkout_that_can_not_be_written_to_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: int
) -> None:
    def refuse(purpose: str) -> list[str]:
        raise OSError(code, "what the system calls it", "/srv/ladle/.setup.lock")

    monkeypatch.setattr(sys, "argv", ["bootstrap.py", "run"])
    monkeypatch.setattr(bootstrap, "_missing_packages", refuse)
    assert bootstrap.main() == 1
    assert capsys.readouterr().err == f"Set-up stopped: {bootstrap.READ_ONLY} (/srv/ladle/.setup.lock).\n"
