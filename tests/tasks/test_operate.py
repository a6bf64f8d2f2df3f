"""The commands for the person who runs the program."""

import argparse
from pathlib import Path

import pytest
from sqlalchemy import text

from domain.access.crypto import encrypt
from domain.access.passwords import verify_password
from models import Role, Staff
from models.migrations import newest_revision
from models.session import Database, separate_transaction, use_database
from postgres.connect import connect
from postgres.dump import libpq_environment
from postgres.embedded import EmbeddedPostgres
from settings import Settings, program_version
from tasks import operate
from tests.conftest import SECRET
from tests.factories import make_staff

OLDER = "an older data key of the tests, long enough"


def arguments(**given: object) -> argparse.Namespace:
    return argparse.Namespace(**given)


async def test_a_forgotten_password_is_set_and_the_lock_is_lifted(
    committed: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with separate_transaction() as db:
        staff = await make_staff(db, username="ines", role=Role.ADMIN, is_active=False)
        staff.failed_sign_ins = 9
    monkeypatch.setattr(operate, "read_password", lambda: "a password that Ines knows")
    await operate.set_password(settings, arguments(username="INES"))
    async with committed.session() as db:
        found = (await db.execute(text("SELECT password_hash, failed_sign_ins, is_active FROM staff"))).one()
    assert (await verify_password(found.password_hash, "a password that Ines knows"), *found[1:]) == (True, 0, True)
    assert capsys.readouterr().out == "ines has a new password; every session of the account has ended.\n"


async def test_a_rotation_leaves_nothing_that_needs_the_older_key(
    committed: Database, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with separate_transaction() as db:
        staff = await make_staff(db, username="ines", role=Role.ADMIN)
        staff.totp_secret = encrypt("JBSWY3DPEHPK3PXP", [OLDER], f"staff_totp:{staff.id}")
    both = settings.model_copy(update={"data_keys": [SECRET, OLDER]})
    await operate.rotate_data_keys(both, arguments())
    assert capsys.readouterr().out.startswith("Encrypted again with the newest key: 1 second factors, 0 bank accounts")
    await operate.rotate_data_keys(settings, arguments())  # the older key is gone, and nothing needs it
    assert capsys.readouterr().out.startswith("Encrypted again with the newest key: 0 second factors")


async def test_a_rotation_without_the_key_that_closed_a_value_says_so(committed: Database, settings: Settings) -> None:
    async with separate_transaction() as db:
        staff = await make_staff(db, username="ines", role=Role.ADMIN)
        staff.totp_secret = encrypt("JBSWY3DPEHPK3PXP", [OLDER], f"staff_totp:{staff.id}")
    with pytest.raises(SystemExit, match="no longer in DATA_KEYS"):
        await operate.rotate_data_keys(settings, arguments())


async def test_a_backup_restores_every_row_into_an_empty_database_only(
    committed: Database, settings: Settings, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    async with separate_transaction() as db:
        db.add_all(Staff(username=f"colleague-{number}", role="staff", password_hash="-") for number in range(3))
    file = tmp_path / "ladle.dump"
    here = settings.model_copy(update={"database_url": committed.url})
    await operate.backup(here, arguments(file=file))
    async with committed.session() as db:
        noted = (await db.execute(text("SELECT name, state, payload ->> 'file' FROM job_run"))).one()
    assert tuple(noted) == ("backup", "done", "ladle.dump")
    with pytest.raises(SystemExit, match=r"not empty \(\w+ has rows\)"):
        await operate.restore(here, arguments(file=file, replace=False))
    keeper = await connect(postgres.database_url("postgres"))
    await keeper.execute("CREATE DATABASE restored")
    there = Database(postgres.database_url("restored"))
    try:
        use_database(there)
        await operate.restore(
            settings.model_copy(update={"database_url": there.url}), arguments(file=file, replace=False)
        )
        async with there.session() as db:
            names = (await db.scalars(text("SELECT username FROM staff ORDER BY 1"))).all()
            revision = await db.scalar(text("SELECT version_num FROM alembic_version"))
    finally:
        await there.close()
        await keeper.execute("DROP DATABASE restored WITH (FORCE)")
        await keeper.close()
    assert (names, revision) == (["colleague-0", "colleague-1", "colleague-2"], newest_revision())


async def test_a_dump_that_fails_leaves_the_older_file(settings: Settings, committed: Database, tmp_path: Path) -> None:
    file = tmp_path / "ladle.dump"
    file.write_bytes(b"yesterday")
    gone = settings.model_copy(update={"database_url": committed.url.replace("/test_", "/gone_")})
    with pytest.raises(SystemExit, match=r"pg_dump failed: .*does not exist"):
        await operate.backup(gone, arguments(file=file))
    assert not file.with_name("ladle.dump.unfinished").exists()
    assert file.read_bytes() == b"yesterday"


def test_no_password_stands_in_an_argument_of_a_program() -> None:
    address = "postgresql+asyncpg://ladle:secret@db.example.com:6000/shop?ssl=require"
    assert libpq_environment(address) == {
        "PGHOST": "db.example.com",
        "PGPORT": "6000",
        "PGUSER": "ladle",
        "PGPASSWORD": "secret",
        "PGDATABASE": "shop",
        "PGSSLMODE": "require",
    }


async def test_a_plan_lists_no_step_for_a_migrated_database(
    committed: Database, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await operate.plan_migration(settings, arguments())
    assert capsys.readouterr().out == "The database stands at the newest schema.\n"


def test_a_half_set_service_is_named_with_what_is_missing(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    half = settings.model_copy(update={"twilio_account_sid": "AC1", "smtp_host": "mail", "smtp_from": "a@example.com"})
    operate.check_config(half, arguments())
    said = capsys.readouterr().out.splitlines()
    assert "part Twilio (texts): TWILIO_AUTH_TOKEN, TWILIO_FROM is missing" in said
    assert "on   Mail" in said
    assert "off  Google sign-in: set GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET" in said


def test_the_version_is_the_projects() -> None:
    assert program_version() == "0.1.0"
