"""The password of a signing key, changed by the person who holds the key and known to nobody else."""

from __future__ import annotations

from uuid import UUID

from eoffice.core.desk import Desk
from eoffice.core.errors import InvalidInput, NotAllowed, NotFound
from eoffice.core.i18n import N_
from eoffice.core.secret import Secret
from eoffice.models.directory import Certificate, Person
from eoffice.rules.access import Permission
from eoffice.services import accounts, certificates, test_authority
from eoffice.services.verbs import verb

ELSEWHERE: dict[str, str] = {
    "token": N_("This key lies on a token. Its PIN is changed with the program that came with the token."),
    "service": N_("This key lies with a signing service. Its PIN is changed where the service is run."),
}
ANYWHERE_ELSE = N_("This key is no file of this installation. Its PIN is changed where the key lies.")


def elsewhere(storage: str) -> str:
    """Where the PIN of a key is changed that is no file of this installation (English msgid); "" for one that is."""
    return "" if storage == "agent" else ELSEWHERE.get(storage, ANYWHERE_ELSE)


def own(desk: Desk, certificate_id: UUID) -> Certificate:
    """A certificate in use whose key the person at this desk holds or keeps.

    Raises:
        NotFound: there is none.
    """
    row = certificates.one(desk, certificate_id)
    if row.status != "active" or not _holds(desk, row):
        raise NotFound(table="certificate", id=str(certificate_id))
    return row


def _holds(desk: Desk, row: Certificate) -> bool:
    return desk.actor.post is not None and desk.actor.post in (row.post_id, row.custodian_post_id)


def _change(desk: Desk, row: Certificate, *, old: Secret, new: Secret) -> int:
    """The slow part: the key agent seals the file anew. Pressed twice it is done once.

    Returns:
        How many unlocks the agent closed.

    Raises:
        NotAllowed: somebody else holds the key.
        Conflict: the certificate is not in use any more.
        InvalidInput: the key is elsewhere, or the new password is none to rely on.
        SigningError: wrong old password, too many wrong ones, no agent, or the file cannot be written.
    """
    certificates.require_active(row)
    person = desk.session.get(Person, desk.actor.person) if desk.actor.person else None
    if person is None or not _holds(desk, row):
        raise NotAllowed("not_the_holder", N_("Only whoever holds a key may change its password. Nothing was changed."))
    if where := elsewhere(row.storage):
        raise InvalidInput("key_elsewhere", where)
    accounts.judge(new.reveal(), login=person.login, name=person.full_name)
    if old.reveal() == new.reveal():
        raise InvalidInput("password_same", accounts.PASSWORD_SAME)
    closed: int = desk.tools.agent().change_password(desk.actor.session, row.key_name, old.reveal(), new.reveal())
    test_authority.forget_first_password(desk, row.key_name)
    return closed


@verb(Permission.ACCOUNT_CHANGE, "key.password_changed", on=Certificate, prepare=_change)
def change_password(desk: Desk, row: Certificate, *, prepared: int, **_passwords: Secret) -> Certificate:
    """Give the key of a leader, or of the agency's seal, another password; every unlock of it is closed.

    Raises:
        NotAllowed, Conflict, InvalidInput, SigningError: as ``_change``.
    """
    desk.note(subject=row.subject, purpose=row.purpose, certificate=row.sha256, keys_locked=prepared)
    return row
