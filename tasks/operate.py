"""Commands for the operator: lost sign-ins, keys, settings, backup and restore.

Each reports its result in one line; none of them can be reached over the network.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from domain.access.crypto import UnreadableSecretError
from domain.kernel.actor import SYSTEM
from domain.kernel.clock import now
from domain.kernel.inputs import read_json
from domain.messages.secrets import rotate_message_secrets
from domain.payments.check_photos import list_stored_photos, rotate_photos
from domain.sales.bank_account import rotate_bank_accounts
from domain.staff.recovery import RecoverPassword, remove_lost_second_factor, set_forgotten_password
from domain.staff.second_factor import rotate_second_factors
from domain.system.backups import note_backup
from domain.system.contents import find_filled_table, find_revision
from domain.system.services import list_services
from domain.webhooks.endpoints import rotate_sealed_secrets
from integrations.errors import ServiceFailed
from models.migrations import list_steps
from models.session import current_database, separate_transaction
from postgres.dump import DumpError, dump_database, restore_database
from settings import Settings
from tasks.read_password import read_password


async def set_password(settings: Settings, arguments: argparse.Namespace) -> int:
    """Set a new password, from standard input, for a colleague who forgot theirs."""
    given = json.dumps({"password": read_password()}).encode()
    data = read_json(RecoverPassword, given, least_password=settings.password_min_length)
    async with separate_transaction() as db:
        staff = await set_forgotten_password(db, arguments.username, data, by=SYSTEM)
    print(f"{staff.username} has a new password; every session of the account has ended.")
    return 0


async def remove_second_factor(_settings: Settings, arguments: argparse.Namespace) -> int:
    """Remove the second factor of a colleague who lost theirs."""
    async with separate_transaction() as db:
        staff = await remove_lost_second_factor(db, arguments.username, by=SYSTEM)
    print(f"{staff.username} signs in by password alone until a new second factor is set up.")
    return 0


async def rotate_data_keys(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Encrypt data again that uses older keys of DATA_KEYS; then the older keys can be removed."""
    try:
        async with separate_transaction() as db:
            factors = await rotate_second_factors(db, settings.data_keys)
            secrets = await rotate_message_secrets(db, settings.data_keys)
            webhooks = await rotate_sealed_secrets(db, settings.data_keys)
        accounts = await _rotate_all_bank_accounts(settings)
        photos = await rotate_photos(settings)
    except (UnreadableSecretError, ServiceFailed) as error:
        sys.exit(f"{error} What was encrypted again until then stays so; every key of DATA_KEYS is still needed.")
    print(
        f"Encrypted again with the newest key: {factors} second factors, {accounts} bank accounts,"
        f" {secrets} secrets of messages, {webhooks} webhooks, {photos} photos of checks."
        " Older keys can be dropped from DATA_KEYS."
    )
    return 0


async def _rotate_all_bank_accounts(settings: Settings) -> int:
    rotated = 0
    while True:
        async with separate_transaction() as db:
            done = await rotate_bank_accounts(db, settings.data_keys)
        rotated += done
        if not done:
            return rotated


def check_config(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Describe the configuration without secrets: what is on, what is off and which setting would turn it on."""
    print(f"APP_ENV is {settings.app_env}; links lead to {settings.public_url}.")
    for service in list_services(settings):
        missing = ", ".join(service.missing)
        if service.is_on:
            print(f"on   {service.name}")
        elif service.is_begun:
            print(f"part {service.name}: {missing} is missing")
        else:
            print(f"off  {service.name}: set {missing}")
    return 0


async def plan_migration(_settings: Settings, _arguments: argparse.Namespace) -> int:
    """List the migrations that `migrate` would run, without running them."""
    planned = list_steps(after=await find_revision())
    for step in planned:
        print(f"{step.revision}  {step.doc}")
    print(f"{len(planned)} steps to take." if planned else "The database stands at the newest schema.")
    return 0


async def backup(settings: Settings, arguments: argparse.Namespace) -> int:
    """Write the database into one file, and next to it the keys of the objects in the object store."""
    file: Path = arguments.file
    began_at = now()
    try:
        await asyncio.to_thread(dump_database, settings.database_url, file, settings.pg_bin)
    except DumpError as error:
        sys.exit(str(error))
    objects = await list_stored_photos()
    if objects:
        file.with_name(f"{file.name}.objects.txt").write_text("\n".join(objects) + "\n", encoding="utf-8")
    print(f"Wrote {file}; {len(objects)} objects lie in the object store.")
    try:
        async with separate_transaction() as db:
            await note_backup(db, file.name, began_at=began_at)
    except DBAPIError:  # A replica takes no writes; the file is whole all the same.
        print("The database takes no writes, so its pages do not show this backup.")
    return 0


async def restore(settings: Settings, arguments: argparse.Namespace) -> int:
    """Restore an empty database from a backup; a database with data is refused unless `--replace` is given."""
    if not arguments.replace and (filled := await find_filled_table()):
        sys.exit(f"The database is not empty ({filled} has rows). --replace drops all of it and restores the backup.")
    await current_database().close()
    try:
        await asyncio.to_thread(restore_database, settings.database_url, arguments.file, settings.pg_bin)
    except DumpError as error:
        sys.exit(str(error))
    print(f"Restored {arguments.file}. Run `python run.py migrate` before serving, should it be of an older release.")
    return 0


ONCE = {
    "staff-password": set_password,
    "staff-remove-totp": remove_second_factor,
    "rotate-data-keys": rotate_data_keys,
    "plan-migration": plan_migration,
    "backup": backup,
    "restore": restore,
}
