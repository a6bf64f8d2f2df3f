"""Idempotency: a repeated request gets the first answer and is not executed again.

The first answer is written in the action's own transaction, under a transaction-level advisory lock: a crash leaves
nothing behind, and a concurrent request sees either all of the action or nothing. The answer is stored encrypted, since
answers contain links and names.
"""

import asyncio
import hashlib
import time
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from domain.access.crypto import UnreadableSecretError, current_data_keys, seal, unseal
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, KeyReused, Refused
from domain.kernel.literals import write_call
from models.session import RawTransaction, Transaction, raw_connection

KEY_LENGTH = 200
KEPT_FOR = timedelta(hours=24)

# One round trip: try the lock and look for a stored answer, which is found with or without the lock.
_CLAIM = """
SELECT locked, k.request_hash, k.status, k.body
FROM (SELECT pg_try_advisory_xact_lock(hashtextextended($1 || chr(1) || $2 || chr(1) || $3, 0)) AS locked) AS l
LEFT JOIN idempotency_key AS k
  ON k.caller = $1 AND k.route = $2 AND k.key = $3 AND k.created_at > now() - $4::interval
"""
# What a concurrent request wrote between the read and the lock is visible only to a separate statement.
_FIND_KEPT = """
SELECT request_hash, status, body FROM idempotency_key
WHERE caller = $1 AND route = $2 AND key = $3 AND created_at > now() - $4::interval
"""
# The pauses between checks for a concurrent request, in seconds, from the first to the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.4
_FORGET = "DELETE FROM idempotency_key WHERE caller = $1 AND route = $2 AND key = $3"
_KEEP = "SELECT keep_answer($1, $2, $3, $4, $5, $6, $7)"
# The error code of `keep_answer` for a key that already has an answer.
KEPT_ALREADY = "LL001"


@dataclass(frozen=True, slots=True)
class Claim:
    """A key of a caller on a route, with the hash of the request.

    `bytes_hash` is the hash that the previous release stored for the same request. It is accepted as well.
    """

    caller: str
    route: str
    key: str
    request_hash: str
    bytes_hash: str = ""

    @property
    def context(self) -> str:
        """The context to which the stored answer is bound."""
        return f"idempotency_key:{self.caller}:{self.route}:{self.key}"


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The first answer to a claim."""

    status: int
    body: bytes


def hash_request(*parts: bytes) -> str:
    """Return the SHA-256 hash of the parts that identify a request."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def check_key(key: str) -> str:
    """Return the key as sent. Raises InvalidInput for an empty or overlong one."""
    if not 0 < len(key) <= KEY_LENGTH or not key.isprintable():
        raise InvalidInput(f"Idempotency-Key must be 1 to {KEY_LENGTH} printable characters.")
    return key


async def claim_key(db: Transaction, claim: Claim) -> KeptAnswer | None:
    """Claim the key for this transaction, or return the stored answer.

    Raises Refused while another request with the key runs, and KeyReused if the key was used with another request.
    """
    if await _begin_with_claim(db, claim, KEPT_FOR):
        return None
    connection = await raw_connection(db)
    row = await connection.fetchrow(_CLAIM, claim.caller, claim.route, claim.key, KEPT_FOR)
    assert row is not None  # the statement always answers one row
    if not row["locked"]:
        raise Refused("The same request is still running. Try again in a moment.", code=Code.REQUEST_IN_PROGRESS)
    return _read_kept(row, claim)


async def claim_or_wait(db: Transaction, claim: Claim, *, wait_seconds: int, kept_for: timedelta) -> KeptAnswer | None:
    """Like `claim_key`, but wait for a concurrent request: the first answer is worth more than a refusal.

    While waiting, no connection and no place in a queue are held, so that any number of waiting requests get the answer
    as soon as it exists. Answers older than `kept_for` are ignored. Raises Refused if the other request takes longer
    than `wait_seconds`. Call it at the beginning of a transaction, which it restarts for each check.
    """
    if await _begin_with_claim(db, claim, kept_for):
        return None
    asked = (claim.caller, claim.route, claim.key, kept_for)
    until, pause = time.monotonic() + wait_seconds, FIRST_PAUSE
    while True:
        connection = await raw_connection(db)
        row = await connection.fetchrow(_CLAIM, *asked)
        assert row is not None  # the statement always answers one row
        if row["locked"]:
            break
        if kept := _read_kept(row, claim):
            return kept
        if time.monotonic() >= until:
            raise Refused("The same request is still running.", code=Code.REQUEST_IN_PROGRESS)
        await db.rollback()
        await db.close()  # waiting holds no connection; the next check begins a new one
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
    return _read_kept(row, claim) or _read_kept(await connection.fetchrow(_FIND_KEPT, *asked), claim)


async def _begin_with_claim(db: Transaction, claim: Claim, kept_for: timedelta) -> bool:
    """Begin a raw transaction with the claim, in one message; True if the key was claimed and has no answer.

    If it returns False, the caller checks for an answer.
    """
    if not isinstance(db, RawTransaction) or db.has_begun:
        return False
    call = write_call("claim_key", claim.caller, claim.route, claim.key, kept_for)
    return await db.begin_with(f"SELECT WHERE {call}") == "SELECT 1"


def _read_kept(row: asyncpg.Record | None, claim: Claim) -> KeptAnswer | None:
    if row is None or row["request_hash"] is None:
        return None
    if row["request_hash"] not in {claim.request_hash, claim.bytes_hash}:
        raise KeyReused("This Idempotency-Key was used for a different request. Send a new key.")
    try:
        return KeptAnswer(row["status"], unseal(bytes(row["body"]), current_data_keys(), claim.context))
    except UnreadableSecretError:
        raise KeyReused(
            "This request succeeded, but its answer can no longer be read. Check what it created."
        ) from None


async def forget_answer(db: Transaction, claim: Claim) -> bool:
    """Delete a stored answer that is no longer valid, in this transaction; False if another request does so."""
    connection = await raw_connection(db)
    done: str = await connection.execute(_FORGET, claim.caller, claim.route, claim.key)
    return done != "DELETE 0"


async def keep_answer(
    db: Transaction, claim: Claim, status: int, body: bytes, *, kept_for: timedelta = KEPT_FOR
) -> None:
    """Store the answer of a successful action, in its own transaction; a raw one is committed in the same message.

    A concurrent request may have committed between the claim's read and its lock. Then its answer is stored already:
    this action is refused, and so rolled back, and the next attempt gets the answer.
    """
    sealed = seal(body, current_data_keys(), claim.context)
    values = (claim.caller, claim.route, claim.key, claim.request_hash, status, sealed, kept_for)
    try:
        if isinstance(db, RawTransaction):
            db.later(f"SELECT {write_call('keep_answer', *values)}")
            await db.commit()
        else:
            connection = await raw_connection(db)
            await connection.execute(_KEEP, *values)
    except asyncpg.PostgresError as error:
        if error.sqlstate != KEPT_ALREADY:
            raise
        sentence = "The same request was just processed. Try again."
        raise Refused(sentence, code=Code.REQUEST_IN_PROGRESS) from None
