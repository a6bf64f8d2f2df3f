"""Recovery for somebody who is locked out, on the command line only, never over the network."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.passwords import NewPasswordIn
from domain.kernel.actor import Actor
from domain.kernel.errors import NotFound
from domain.kernel.inputs import Input
from domain.staff.second_factor import remove_second_factor_of
from domain.staff.users import UpdateStaff, find_by_name, update_staff
from models import Staff


class RecoverPassword(Input):
    """The new password of a colleague."""

    password: NewPasswordIn


async def set_forgotten_password(db: AsyncSession, name: str, data: RecoverPassword, *, by: Actor) -> Staff:
    """Set a new password for the account with a username or email; ends its sessions and its lock after wrong attempts.

    An archived or inactive account becomes active again, so that the only administrator can always be recovered. Raises
    NotFound.
    """
    changes = UpdateStaff.model_construct(_fields_set={"password", "is_active"}, password=data.password, is_active=True)
    return await update_staff(db, await _find(db, name), changes, by=by)


async def remove_lost_second_factor(db: AsyncSession, name: str, *, by: Actor) -> Staff:
    """Remove the second factor of the account with a username or email. Raises NotFound."""
    return await remove_second_factor_of(db, await _find(db, name), by=by)


async def _find(db: AsyncSession, name: str) -> int:
    found = await find_by_name(await db.connection(), name)
    if found is None:
        raise NotFound(f"There is no staff user {name}.")
    staff_id: int = found.id
    return staff_id
