"""Who acts: every act of the domain takes an Actor, and every change records one."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from models import Role


class ActorKind(StrEnum):
    """The kinds of callers that can act."""

    CUSTOMER = "customer"
    STAFF = "staff"
    VOICE = "voice"
    API_KEY = "api_key"
    SYSTEM = "system"
    GUEST = "guest"


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller as authenticated by the guard. `id` is the id of a row of its kind; `name` is shown in timelines."""

    kind: ActorKind
    id: int | None = None
    name: str = ""
    role: Role | None = None
    session_id: int | None = None
    scopes: frozenset[str] = frozenset()
    request_id: str = ""
    has_second_factor: bool = False

    def during(self, request_id: str) -> "Actor":
        """Return the same caller with this request id."""
        return Actor(
            self.kind,
            self.id,
            self.name,
            self.role,
            self.session_id,
            self.scopes,
            request_id,
            self.has_second_factor,
        )

    @property
    def is_staff(self) -> bool:
        """True for a signed-in colleague, whatever the role."""
        return self.kind is ActorKind.STAFF

    @property
    def is_customer(self) -> bool:
        """True for a signed-in storefront customer."""
        return self.kind is ActorKind.CUSTOMER

    @property
    def columns(self) -> dict[str, Any]:
        """The values of the columns `actor_kind`, `actor_id` and `actor_name` (see `ByActor`)."""
        return {"actor_kind": self.kind, "actor_id": self.id, "actor_name": self.name}

    def has_role(self, *roles: Role) -> bool:
        """Return True if the actor is staff with one of these roles."""
        return self.is_staff and self.role in roles

    @property
    def caller(self) -> str:
        """A stable name of the caller for idempotency keys and rate limits, for example `staff:4`."""
        return f"{self.kind}:{self.id}" if self.id is not None else str(self.kind)


SYSTEM = Actor(ActorKind.SYSTEM, name="System")
GUEST = Actor(ActorKind.GUEST, name="Guest")
