"""Documents between agencies: repeated, forged and mixed-up messages and answers (exchange tests T-03, T-04, T-06)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from eoffice.cli.staff import Staff
from eoffice.core.desk import scope
from eoffice.core.errors import Conflict, InvalidInput, NotFound, SignatureProblem
from eoffice.core.ids import new_id
from eoffice.formats import container, receipt
from eoffice.formats.container import BadContainer
from eoffice.jobs.worker import drain
from eoffice.models.books import RegisterLine
from eoffice.models.documents import Document
from eoffice.models.exchange import Delivery, DeliveryEvent, Message
from eoffice.models.work import Job
from eoffice.services import exchange
from signing.detached import sign_detached
from signing.pki import Pki
from tests.support.letters import at_work, sealed
from tests.support.world import World, snapshot


@dataclass
class Sent:
    """A letter of Sở Nội vụ on its way to Sở Tài chính: the container lies in the store, nobody has received it."""

    world: World
    staff: Staff
    delivery: UUID
    container: str

    def receive(self, sha256: str, *, key: str, slug: str = "so-tai-chinh") -> Message:
        found: Message = self.world.office.do(self.world.system(slug), exchange.receive, key=key, sha256=sha256)
        return found

    def confirm(self, sha256: str, *, key: str = "confirm") -> Delivery:
        sender = self.world.system("so-noi-vu")
        found: Delivery = self.world.office.do(sender, exchange.confirm, self.delivery, key=key, sha256=sha256)
        return found

    def row(self) -> Delivery:
        with self.world.office.read(self.world.system("so-noi-vu")) as desk:
            return desk.session.scalars(scope(desk, Delivery).where(Delivery.id == self.delivery)).one()

    def events(self) -> list[str]:
        with self.world.office.read(self.world.system("so-noi-vu")) as desk:
            rows = desk.session.scalars(scope(desk, DeliveryEvent).order_by(DeliveryEvent.at, DeliveryEvent.id))
            return [row.kind for row in rows]

    def signer(self, slug: str) -> Callable[[bytes], bytes]:
        """Signs with an agency's exchange certificate."""
        key = self.world.office.exchange_key(f"exchange-{slug}")
        at = self.world.clock.now()
        return lambda data: sign_detached(data, key, at=at)

    def packed(self, *, by: str = "so-noi-vu", data: bytes | None = None, **changed: object) -> str:
        """The same message with something changed, signed by an agency, in the store."""
        found = container.unpack(self.world.office.files.read(self.container))
        parts = [replace(found.parts[0], data=data)] if data is not None else list(found.parts)
        envelope = replace(found.envelope, **changed)  # type: ignore[arg-type]
        return self.world.office.files.put(container.pack(envelope, parts, self.signer(by)))

    def answer(self, *, by: str = "so-tai-chinh", **changed: object) -> str:
        """A receipt for the message with something changed, signed by an agency, in the store."""
        found = container.unpack(self.world.office.files.read(self.container))
        said = receipt.Receipt(
            message=found.envelope.id,
            sender=found.envelope.sender.org,
            to=found.envelope.to.org,
            manifest_sha256=found.manifest_sha256,
            received_at=self.world.clock.now(),
            receiver_installation="anbinh.eoffice.test",
        )
        said = replace(said, **changed)  # type: ignore[arg-type]
        return self.world.office.files.put(receipt.sealed(said, self.signer(by)))


@pytest.fixture
def sent(world: World) -> Iterator[Sent]:
    with at_work(world) as staff:
        letter = sealed(staff)
        staff.issue("hanh", letter)
        (row,) = staff.deliveries("hanh", letter)
        row = world.office.do(world.system("so-noi-vu"), exchange.deliver, row.id, key="deliver")
        yield Sent(world, staff, row.id, row.container_sha256)


def test_a_repeated_message_gets_the_same_receipt(sent: Sent) -> None:
    """T-03: twice the same bytes, once a document, byte for byte the same answer."""
    first = sent.receive(sent.container, key="one")
    sent.world.step(minutes=5)
    again = sent.receive(sent.container, key="two")
    assert (again.id, again.receipt_sha256) == (first.id, first.receipt_sha256)
    assert len(sent.staff.received("yen")) == 1
    assert snapshot(sent.world, Message) == 1
    assert snapshot(sent.world, RegisterLine) == 1  # the sender's own
    drain(sent.world.office)
    assert sorted(sent.events()) == ["receipt", "sent", "sent", "status"]  # the job of the issued letter sent it again
    assert sent.row().receipt_sha256 == first.receipt_sha256


def test_an_identifier_is_not_used_twice(sent: Sent) -> None:
    """T-04: the same id with other contents is refused; the first one stays and nothing of the second is kept."""
    first = sent.receive(sent.container, key="one")
    pdf = sent.staff.bytes_of("hanh", sent.row().document_id, "signed")
    other = sent.packed(data=pdf)
    before = [snapshot(sent.world, table) for table in (Document, Message, Job)]
    with pytest.raises(Conflict) as caught:
        sent.receive(other, key="two")
    assert caught.value.code == "id_reuse"
    assert [snapshot(sent.world, table) for table in (Document, Message, Job)] == before
    assert sent.receive(sent.container, key="three").receipt_sha256 == first.receipt_sha256


def test_a_message_under_a_false_name_is_refused(sent: Sent) -> None:
    """Signed by another agency than the one it says it is from."""
    before = snapshot(sent.world, Document)
    with pytest.raises(SignatureProblem) as caught:
        sent.receive(sent.packed(by="phuong-tan-an"), key="one")
    assert caught.value.code == "sender_mismatch"
    assert snapshot(sent.world, Document) == before


def test_a_message_for_somebody_else_is_refused(sent: Sent) -> None:
    with pytest.raises(NotFound) as caught:
        sent.receive(sent.container, key="one", slug="phuong-tan-an")
    assert caught.value.code == "unknown_receiver"
    assert sent.staff.received("linh") == []


def test_a_changed_container_is_refused(sent: Sent) -> None:
    """One byte of the payload: the digests of the manifest do not hold; one of the signature: it is not valid."""
    data = bytearray(sent.world.office.files.read(sent.container))
    data[data.index(b"%PDF-") + 600] ^= 1
    with pytest.raises(BadContainer):
        sent.receive(sent.world.office.files.put(bytes(data)), key="one")
    assert snapshot(sent.world, Message) == 0


WRONG = {
    "another message": {"message": new_id()},
    "another sender": {"sender": "H99.31"},
    "another receiver": {"to": "H99.31"},
    "other contents": {"manifest_sha256": "0" * 64},
    "another signer": {"by": "phuong-tan-an"},
    "the sender himself": {"by": "so-noi-vu"},
}


def test_a_wrong_receipt_leaves_the_delivery_open(sent: Sent) -> None:
    """T-06: whatever does not fit, "delivered" is not believed; the right receipt is, afterwards."""
    for name, changed in WRONG.items():
        with pytest.raises(SignatureProblem):
            sent.confirm(sent.answer(**changed), key=name)  # type: ignore[arg-type]
        row = sent.row()
        assert (row.state, row.receipt_sha256, row.delivered_at) == ("sending", None, None), name
    assert sent.events() == ["sent"]
    assert sent.confirm(sent.answer(), key="right").state == "delivered"


def test_a_forged_receipt_leaves_the_delivery_open(sent: Sent) -> None:
    data = sent.world.office.files.read(sent.answer())
    forged = data.replace(b'"register_hint":""', b'"register_hint":"7"')
    assert forged != data
    with pytest.raises(SignatureProblem):
        sent.confirm(sent.world.office.files.put(forged))
    assert sent.row().state == "sending"


def test_something_else_is_no_receipt(sent: Sent) -> None:
    with pytest.raises(InvalidInput):
        sent.confirm(sent.world.office.files.put(b"%PDF-1.7 no receipt"))
    assert sent.row().state == "sending"


@pytest.mark.parametrize("cause", ["revoked", "expired"])
def test_a_receipt_by_a_dead_certificate_leaves_the_delivery_open(sent: Sent, cause: str) -> None:
    answer = sent.answer()
    pki = Pki.load(sent.world.office.settings.pki)
    if cause == "revoked":
        pki.revoke("exchange-so-tai-chinh", at=sent.world.clock.now() - timedelta(hours=1))
    else:
        sent.world.clock.set(datetime.fromisoformat(pki.entries["exchange-so-tai-chinh"].ends) + timedelta(days=1))
    pki.renew_crls(at=sent.world.clock.now())
    with pytest.raises(SignatureProblem) as caught:
        sent.confirm(answer)
    assert caught.value.code == "exchange_signature"
    assert sent.row().state == "sending"


def test_a_status_by_somebody_else_is_not_applied(sent: Sent) -> None:
    said = {"kind": "status", "status_code": "06", "previous_receipt_sha256": "1" * 64}
    forged = sent.answer(by="phuong-tan-an", **said)
    sender = sent.world.system("so-noi-vu")
    with pytest.raises(SignatureProblem):
        sent.world.office.do(sender, exchange.apply, sent.delivery, key="apply", sha256=forged)
    assert sent.row().status_code is None


def test_a_message_nobody_can_receive_fails_where_its_sender_sees_it(sent: Sent) -> None:
    """A receiver whose exchange certificate is gone cannot answer: after five days the sender's delivery has failed."""
    pki = Pki.load(sent.world.office.settings.pki)
    pki.revoke("exchange-so-noi-vu", at=sent.world.clock.now() - timedelta(hours=1))
    pki.renew_crls(at=sent.world.clock.now())
    office = sent.world.office
    for _ in range(60):
        drain(office)
        with office.read(sent.world.system("so-noi-vu")) as desk:
            waiting = desk.session.scalars(select(Job.run_at).where(Job.state == "waiting")).all()
        if not waiting:
            break
        sent.world.clock.set(max(min(waiting), sent.world.clock.now()))
        pki.renew_crls(at=sent.world.clock.now())
    row = sent.row()
    assert row.state == "failed"
    assert "chữ ký" in row.refusal.lower()
    assert sent.events()[-1] == "problem"
    assert snapshot(sent.world, Message) == 0
