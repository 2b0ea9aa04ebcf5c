"""Keys that lie with their holders: a certificate's key is taken away from the key agent and given to a test."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

from sqlalchemy import update

from eoffice.cli.province import KEY_PASSWORD
from eoffice.core.desk import Actor
from eoffice.models.directory import Certificate
from eoffice.services import elsewhere, issuing, search
from eoffice.services.elsewhere import Offer, Returned, Value
from eoffice.services.office import Office
from signing.keys import SoftKey
from signing.pki import Pki


def on_a_token(office: Office, name: str) -> SoftKey:
    """Have the key of a certificate lie on its holder's token, and give it to the test."""
    pki = Pki.load(office.settings.pki)
    key = pki.key(name, KEY_PASSWORD)
    statement = update(Certificate).where(Certificate.key_name == name).values(storage="token", key_name="")
    with office.sessions.write() as session:
        session.execute(statement, execution_options={"scoped": True, "synchronize_session": False})
        session.commit()
    (pki.keys_dir / f"{name}.key").unlink()
    return key


def wanted(desk: Any, letter: UUID) -> elsewhere.Wanted:
    row = search.document(desk, letter)
    return issuing.leader_signature(desk, row) if row.state == "format_ok" else issuing.agency_signature(desk, row)


def offered(office: Office, actor: Actor, letter: UUID) -> Offer:
    """What the person's token is given to sign for the next signature on a letter."""
    with office.read(actor) as desk:
        offer = elsewhere.offer(desk, wanted(desk, letter))
    office.keep(actor, lambda desk: elsewhere.keep(desk, offer))
    return offer


def value(offer: Offer, key: SoftKey) -> Value:
    """What the token answers."""
    facts = offer.facts()
    raw = key.sign(base64.b64decode(facts["data"]), digest=facts["digest"])
    return Value(UUID(facts["prepared"]), base64.b64encode(raw).decode())


def handed_out(office: Office, actor: Actor, letter: UUID) -> tuple[UUID, bytes]:
    """The file that goes out to be signed by another program, and the row that remembers it."""
    with office.read(actor) as desk:
        offer = elsewhere.hand_out(desk, wanted(desk, letter))
    office.keep(actor, lambda desk: elsewhere.keep(desk, offer))
    assert offer.row.handed_sha256 is not None
    return offer.row.id, office.files.read(offer.row.handed_sha256)


def brought_back(office: Office, pdf: bytes, prepared: UUID | None = None) -> Returned:
    return Returned(office.files.put(pdf), prepared)
