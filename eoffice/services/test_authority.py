"""The test authority of an installation: it issues and revokes certificates that have no legal value."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from eoffice.core.desk import Desk
from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_

if TYPE_CHECKING:
    from signing.pki import Pki


@dataclass(frozen=True)
class Made:
    """A certificate the test authority made: the name of its key, itself and its issuers (DER), nearest first."""

    name: str
    der: bytes
    chain: tuple[bytes, ...]


def available(desk: Desk) -> bool:
    """Whether this installation has a test authority."""
    return desk.settings.test_mode and (desk.settings.pki / "pki.json").is_file()


def require(desk: Desk) -> None:
    """Refuse where there is no test authority.

    Raises:
        InvalidInput: ``no_test_authority``.
    """
    if not available(desk):
        raise InvalidInput(
            "no_test_authority",
            N_("This installation issues no certificates. Nothing was changed. Please bring in the issuer's file."),
        )


@contextlib.contextmanager
def _opened(desk: Desk) -> Iterator[Pki]:
    """The authority for one change: what it remembers is one file, so changes wait for each other."""
    from signing.pki import Pki

    require(desk)
    with (desk.settings.pki / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Pki.load(desk.settings.pki)


def knows(desk: Desk, name: str) -> bool:
    """Whether the authority made this key."""
    from signing.pki import Pki

    return available(desk) and name in Pki.load(desk.settings.pki).entries


def issue(
    desk: Desk, name: str, *, purpose: str, organisation: str, person: str = "", title: str = ""
) -> Made:
    """Make a key with its certificate, valid from now on; asked again under the same name, the same is given.

    Args:
        name: of the key.
        purpose: ``leader``, ``seal`` or ``exchange``.
        person, title: of a leader.

    Raises:
        InvalidInput: there is no test authority.
    """
    from signing.pki import Holder, seal_and_exchange

    if purpose == "leader":
        holder = Holder(name, person, organisation, title=title)
    else:
        seal, exchange = seal_and_exchange("new", organisation)
        same = seal if purpose == "seal" else exchange
        holder = Holder(name, same.common_name, organisation, template=same.template)
    with _opened(desk) as pki:
        if name not in pki.entries:
            begins_now = Holder(
                holder.name, holder.common_name, holder.organisation, title=holder.title, template=holder.template,
                overrides={"begins_days": 0},
            )  # fmt: skip
            pki.issue([begins_now], at=desk.now())
        return Made(name, pki.certificate(name), pki.chain(name))


def revoke(desk: Desk, name: str, at: datetime) -> bool:
    """Put a certificate on the authority's list and write the list anew.

    Returns:
        False when the authority does not know it.
    """
    with _opened(desk) as pki:
        if name not in pki.entries:
            return False
        if pki.entries[name].revoked_at is None:
            pki.revoke(name, at=at)
        pki.renew_crls(at=desk.now())
        return True


def first_password(desk: Desk, name: str) -> str:
    """The password that was drawn for a key, for its holder alone; "" when its holder chose one."""
    path = desk.settings.pki / "passwords.json"
    if not available(desk) or not path.is_file():
        return ""
    found: dict[str, str] = json.loads(path.read_text("utf-8"))
    return found.get(name, "")


def forget_first_password(desk: Desk, name: str) -> None:
    """Keep and show the password that was drawn for a key no longer: its holder has chosen another."""
    if first_password(desk, name):
        with _opened(desk) as pki:
            pki.forget_password(name)
