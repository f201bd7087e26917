"""The sample files: all are there, none that a person has changed is lost, and the unit starts this very program."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from click.testing import CliRunner

from agi_server.cli import main
from agi_server.sample_files import COMMAND, CONFIG, UNIT, Fate, command, install, samples

ROOT = Path(__file__).parent.parent
OURS = "/usr/local/bin/agi-server"


def test_they_are_those_of_the_repository() -> None:
    found = {path.relative_to(ROOT / "config") for path in (ROOT / "config").rglob("*") if path.is_file()}
    dialplan = Path("asterisk/extensions_custom.conf.sample")
    assert set(samples()) == {*found, dialplan}
    assert {CONFIG, UNIT, Path("otrs/GenericTicketConnector.yml"), Path("otrs/add-call-field.pl")} <= found
    for place, source in samples().items():
        repository = ROOT / place if place == dialplan else ROOT / "config" / place
        assert source.samefile(repository), place


def test_all_are_written_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert {fate for fate, _ in install(folder, OURS, force=False)} == {Fate.WRITTEN}
    assert {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} == set(samples())
    assert {fate for fate, _ in install(folder, OURS, force=False)} == {Fate.SAME}


def test_what_a_person_has_changed_stays_unless_he_gives_it_up(tmp_path: Path) -> None:
    config = tmp_path / CONFIG
    config.write_text("changed by hand")
    fates = {path: fate for fate, path in install(tmp_path, OURS, force=False)}
    assert fates.pop(config) == Fate.KEPT
    assert set(fates.values()) == {Fate.WRITTEN}
    assert config.read_text() == "changed by hand"
    assert (Fate.WRITTEN, config) in list(install(tmp_path, OURS, force=True))
    assert config.read_bytes() == samples()[CONFIG].read_bytes()


def test_the_configuration_is_for_us_and_the_group_of_its_folder(tmp_path: Path) -> None:
    group = 12345 if os.geteuid() == 0 else os.getegid()
    os.chown(tmp_path, -1, group)
    before = os.umask(0o077)
    try:
        list(install(tmp_path, OURS, force=False))
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE((tmp_path / path).stat().st_mode) for path in samples()}
    assert modes.pop(CONFIG) == 0o640
    assert set(modes.values()) == {0o644}
    assert (tmp_path / CONFIG).stat().st_gid == group


def test_what_an_interrupted_run_left_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / f"{CONFIG}.new").write_text("half")
    list(install(tmp_path, OURS, force=False))
    assert not (tmp_path / f"{CONFIG}.new").exists()


def test_the_unit_starts_the_program_that_wrote_it(tmp_path: Path) -> None:
    list(install(tmp_path, OURS, force=False))
    unit = (tmp_path / UNIT).read_text()
    assert f"ExecStart={OURS} run" in unit
    assert COMMAND not in unit
    assert f"ExecStart={COMMAND} run" in samples()[UNIT].read_text()


def test_the_command_tells_what_it_did_and_what_comes_next(tmp_path: Path) -> None:
    first = CliRunner().invoke(main, ["install-samples", str(tmp_path)])
    assert first.exit_code == 0
    assert f"wrote {tmp_path / CONFIG}\n" in first.output
    assert first.output.splitlines()[-1].endswith(f"agi-server check --connect --config {tmp_path / CONFIG}")
    (tmp_path / CONFIG).write_text("changed by hand")
    again = CliRunner().invoke(main, ["install-samples", str(tmp_path)])
    assert again.exit_code == 0
    assert f"kept  {tmp_path / CONFIG}: differs from ours, --force writes over it\n" in again.output
    assert f"same  {tmp_path / 'otrs' / 'add-call-field.pl'}\n" in again.output
    forced = CliRunner().invoke(main, ["install-samples", "--force", str(tmp_path)])
    assert f"wrote {tmp_path / CONFIG}\n" in forced.output


def test_a_folder_that_cannot_be_made_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(main, ["install-samples", str(tmp_path / "file" / "folder")])
    assert done.exit_code == 1
    assert done.stderr == f"can't write {tmp_path / 'file' / 'folder'}: Not a directory\n"


def test_our_own_command_is_the_one_beside_this_python() -> None:
    assert Path(command()).name == "agi-server"
    assert Path(command()).is_absolute()
