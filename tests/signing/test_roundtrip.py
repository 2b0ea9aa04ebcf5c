"""A file that went out and came back is taken only if it is what was sent, plus one update that signs the field."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import SimpleSigner
from pyhanko.sign.signers.pdf_signer import PdfSignatureMetadata, PdfSigner

from signing.errors import CertificateUnfit, NotPermitted, SigningError, ValueRejected
from signing.keys import Key, SoftKey
from signing.pki import RECIPE, Pki, raise_pki
from signing.results import Verdict
from signing.roundtrip import hand_out, take_back
from signing.seal import SealRequest, fill
from signing.sign import Request, sign
from signing.trust import Trust
from signing.verify import verify
from tests.signing.conftest import letter
from tests.signing.making import AGENCY, HACK, LEADER, NUMBER, TEXT, Paper, Signature, draft, stream

Take = Callable[..., object]


@pytest.fixture(scope="module")
def paper() -> Paper:
    return draft()


@pytest.fixture(scope="module")
def leader(pki: Pki) -> SoftKey:
    return pki.key("leader")


@pytest.fixture(scope="module")
def trust(pki: Pki) -> Trust:
    return pki.trust()


@pytest.fixture
def take(paper: Paper, trust: Trust, at: datetime) -> Take:
    def taken(returned: bytes, **how: object) -> object:
        return take_back(
            how.pop("sent", paper.data), returned, **{"field": "leader", "trust": trust, "at": at, **how}  # type: ignore[arg-type]
        )

    return taken


def refused(kind: type[SigningError], take: Take, returned: bytes, **how: object) -> SigningError:
    with pytest.raises(kind) as error:
        take(returned, **how)
    return error.value


def test_what_was_signed_elsewhere_is_taken(
    paper: Paper, leader: SoftKey, trust: Trust, at: datetime, take: Take
) -> None:
    sent = hand_out(paper.data, "leader")
    assert sent.pdf == paper.data
    returned = paper.sign(leader, LEADER, at).data
    found = take_back(sent.pdf, returned, field="leader", trust=trust, certificate=leader.certificate, at=at)
    (report,) = verify(found.pdf, trust, at=at).signatures
    assert report.verdict is Verdict.PASSED
    assert (found.pdf, found.digest, found.algorithm, found.claimed_time) == (returned, report.digest, "sha256", at)
    ours = sign(paper.data, leader, Request("leader", kind="certification"), trust, at=at)
    assert take(ours.pdf, kind="certification") == ours
    noted = Signature(at).place(paper, LEADER, leader, {90: b"<</Producer(Some program)>>"}).data
    assert take(noted) is not None  # an object nothing leads to
    second = sign(ours.pdf, leader, Request("agency"), trust, at=at)
    assert take(second.pdf, sent=ours.pdf, field="agency") == second


def test_the_clerk_s_program_seals_what_was_filled_in(
    pki: Pki, leader: SoftKey, trust: Trust, at: datetime
) -> None:
    led = sign(letter(), leader, Request("leader", kind="certification"), trust, at=at).pdf
    texts = {"so": "128", "ngay": "21", "thang": "11", "nam": "2026"}
    seal = pki.key("seal")
    filled = fill(led, seal, SealRequest(texts, level="B-B"), trust, at=at)
    assert filled.startswith(led)
    assert verify(filled, trust, at=at).verdict is Verdict.WARNED  # nobody answers for what was filled in, yet
    returned = sign(filled, seal, Request("agency", lock_all=True), trust, at=at).pdf
    found = take_back(filled, returned, field="agency", trust=trust, certificate=seal.certificate, at=at)
    whole = verify(found.pdf, trust, at=at)
    assert (whole.verdict, [one.field for one in whole.signatures]) == (Verdict.PASSED, ["leader", "agency"])
    with pytest.raises(NotPermitted, match="number_missing"):
        fill(led, seal, SealRequest({**texts, "so": ""}), trust, at=at)


def test_a_program_that_is_not_ours_is_understood(tmp_path: Path) -> None:
    now = datetime.now(UTC)  # pyHanko asks the machine's clock
    own = raise_pki(RECIPE, tmp_path / "pki", at=now, key="p256", rounds=1000)
    key = own.key("leader")
    certificates = [x509.load_der_x509_certificate(der) for der in (key.certificate, *key.chain)]
    container = pkcs12.serialize_key_and_certificates(
        b"x", key._private, certificates[0], certificates[1:], BestAvailableEncryption(b"x")
    )
    (tmp_path / "key.p12").write_bytes(container)
    program = SimpleSigner.load_pkcs12(tmp_path / "key.p12", passphrase=b"x")
    sent = hand_out(letter(), "leader").pdf
    settings = PdfSignatureMetadata(field_name="leader", subfilter=SigSeedSubFilter.PADES, md_algorithm="sha256")
    returned = PdfSigner(settings, signer=program).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(sent))).getvalue()
    later = now + timedelta(minutes=1)
    found = take_back(sent, returned, field="leader", trust=own.trust(), certificate=key.certificate, at=later)
    assert (found.level, found.algorithm, found.pdf) == ("B-B", "sha256", returned)
    with pytest.raises(ValueRejected, match="time_in_future"):
        take_back(sent, returned, field="leader", trust=own.trust(), at=now - timedelta(hours=1))


def test_everything_else_that_changed_is_named(
    paper: Paper, leader: SoftKey, at: datetime, take: Take, pki: Pki
) -> None:
    def with_more(more: dict[int, bytes]) -> bytes:
        return Signature(at).place(paper, LEADER, leader, more).data

    page = paper.objects[6]
    note = b"<</Type/Annot/Subtype/Text/Rect[10 10 30 30]/Contents(x)>>"
    changed = {
        "page_content": with_more({TEXT: stream(HACK)}),
        "form_value so": with_more({NUMBER: paper.with_entry(NUMBER, b"/V(99)")}),
        "annotation": with_more({90: note, 6: page.replace(b"/Annots[", b"/Annots[90 0 R ")}),
        "catalog": with_more({1: paper.with_entry(1, b"/OpenAction<</S/JavaScript/JS(x)>>")}),
        "page_count": with_more({2: paper.objects[2].replace(b"/Count 2", b"/Count 1").replace(b" 8 0 R", b"")}),
        "form_field agency": with_more({3: paper.objects[3], 4: paper.objects[4].replace(b"%d 0 R" % AGENCY, b"")}),
        "signature_added agency": paper.sign(leader, AGENCY, at).data,
    }
    for what, returned in changed.items():
        error = refused(NotPermitted, take, returned)
        assert (error.code, what in error.detail) == ("returned_changed", True), (what, error)
    signed = paper.sign(leader, LEADER, at)
    assert refused(NotPermitted, take, signed.fill(NUMBER, b"99").data).code == "returned_updates"
    assert refused(NotPermitted, take, paper.update({}).sign(leader, LEADER, at).data).code == "returned_updates"
    dss = signed.store(certificates=[leader.certificate]).data
    assert refused(NotPermitted, take, dss).code == "returned_updates"


def test_what_is_not_signed_is_refused(paper: Paper, leader: SoftKey, at: datetime, take: Take) -> None:
    assert refused(NotPermitted, take, paper.data).code == "returned_unsigned"
    assert refused(NotPermitted, take, paper.update({90: b"<<>>"}).data).code == "returned_unsigned"
    hidden = paper.sign(leader, LEADER, at, hidden=True).data
    assert refused(SigningError, take, hidden).code in {"returned_unsigned", "returned_changed"}
    new_field = paper.sign_new(leader, at).data
    assert refused(NotPermitted, take, new_field).code == "returned_changed"


def test_what_was_not_sent_is_refused(paper: Paper, leader: SoftKey, at: datetime, take: Take) -> None:
    other = draft(3).sign(leader, LEADER, at).data
    signed = paper.sign(leader, LEADER, at).data
    for returned in (other, b"", b"%PDF-1.7", signed.replace(b"thu nghiem", b"thu Nghiem"), b" " + signed):
        assert refused(ValueRejected, take, returned).code == "input_changed"
    for returned in (signed + b"\n% more", signed + b"x", signed[:-40], paper.data + b"nonsense"):
        refused(SigningError, take, returned)


def test_the_signer_must_be_the_one_and_fit(
    paper: Paper, leader: SoftKey, at: datetime, take: Take, pki: Pki
) -> None:
    def by(key: Key) -> bytes:
        return paper.sign(key, LEADER, at).data

    own = leader.certificate
    assert refused(ValueRejected, take, by(pki.key("deputy")), certificate=own).code == "signing_certificate_mismatch"
    unfit = {"expired": "certificate_expired", "revoked": "certificate_revoked", "clerk": "wrong_usage"}
    for name, code in {**unfit, "rogue-leader": "no_chain"}.items():
        assert refused(CertificateUnfit, take, by(pki.key(name))).code == code
    assert refused(ValueRejected, take, paper.sign(leader, LEADER, at, bound=False).data)
    assert refused(ValueRejected, take, paper.sign(leader, LEADER, at, identity=b"another").data)
    certified = paper.sign(leader, LEADER, at, certify=1).data
    assert refused(NotPermitted, take, certified).code == "returned_other_kind"


def test_what_may_not_be_signed_does_not_go_out(paper: Paper, leader: SoftKey, at: datetime, trust: Trust) -> None:
    signed = paper.sign(leader, LEADER, at, certify=1).data
    for pdf, field, code in ((paper.data, "nobody", "field_missing"), (signed, "leader", "field_taken")):
        with pytest.raises(NotPermitted, match=code):
            hand_out(pdf, field)
    with pytest.raises(NotPermitted, match="document_locked"):
        hand_out(signed, "agency")
    with pytest.raises(NotPermitted, match="document_locked"):
        take_back(signed, signed, field="agency", trust=trust, at=at)


def test_no_flipped_bit_of_what_is_signed_is_taken(
    paper: Paper, leader: SoftKey, at: datetime, take: Take
) -> None:
    good = paper.sign(leader, LEADER, at).data
    (signature,) = PdfFileReader(io.BytesIO(good)).embedded_signatures
    _, start, end, _ = (int(number) for number in signature.byte_range)
    # Of a container only attributes, value and the signer's certificate are bound; the frame around them is not signed.
    signer = signature.signer_info
    bound = (leader.certificate, signer["signed_attrs"].dump()[1:], signer["signature"].native)
    places = [*range(len(paper.data), start), *range(end, len(good))]
    for part in bound:
        begins = good.index(part.hex().encode(), start)
        places += range(begins, begins + 2 * len(part))
    dice = random.Random(20261121)
    for _ in range(150):
        place, bit = dice.choice(places), 1 << dice.randrange(8)
        flipped = good[:place] + bytes([good[place] ^ bit]) + good[place + 1 :]
        if start < place < end and flipped.lower() == good.lower():
            continue  # a hexadecimal digit in the other case is the same
        with pytest.raises(SigningError):
            take(flipped)
            pytest.fail(f"bit {bit} at {place}")
