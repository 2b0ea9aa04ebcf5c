"""Evidence of status: only named hosts are asked, nothing is believed unchecked, whoever is silent is told apart."""

from __future__ import annotations

import base64
import re
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from asn1crypto import ocsp as asn1_ocsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from signing import revocation
from signing.__main__ import main
from signing.chain import Evidence
from signing.errors import CertificateUnfit, RevocationDown
from signing.extend import extend, informed
from signing.pki import RECIPE, Holder, Pki, raise_pki
from signing.responders import CRL_REPLY, OCSP_REPLY, Responder, server
from signing.results import Verdict
from signing.revocation import Online, Stored, gather
from signing.sign import Request, sign
from signing.trust import Trust
from signing.tsa import HttpTsa, LocalTsa
from signing.verify import verify
from tests.signing.test_tsa import served

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ORGANISATION = "Hạ tầng khóa THỬ NGHIỆM"


class Clock:
    """The time of the responders, which a test may set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Net:
    """A test PKI whose certificates name responders on loopback, and those responders."""

    pki: Pki
    base: str
    clock: Clock
    asked: list[str]
    broken: dict[str, Callable[[bytes], bytes]]

    @property
    def host(self) -> str:
        return self.base.removeprefix("http://")

    @property
    def trust(self) -> Trust:
        """Anchors alone: whatever is known of a status came over the wire."""
        return replace(self.pki.trust(), crls=())

    def pair(self, name: str = "leader", issuer: str = "issuing") -> tuple[x509.Certificate, x509.Certificate]:
        return self.certificate(name), self.certificate(issuer)

    def certificate(self, name: str) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.pki.certificate(name))


class _Noting(Responder):
    """The responder of the product, that notes what it was asked and lets a test spoil its answers."""

    net: Net

    def ocsp(self, query: bytes) -> bytes:
        self.net.asked.append("ocsp")
        return self.net.broken.get("ocsp", lambda raw: raw)(super().ocsp(query))

    def crl(self, name: str) -> bytes:
        self.net.asked.append(f"crl {name}")
        return self.net.broken.get("crl", lambda raw: raw)(super().crl(name))


@pytest.fixture(scope="module")
def raised(tmp_path_factory: pytest.TempPathFactory, at: datetime) -> Iterator[Net]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    base, clock = f"http://127.0.0.1:{port}", Clock(at)
    unvouched = Holder("ocsp2", "Trạng thái khác THỬ NGHIỆM", ORGANISATION, template="ocsp", overrides={"no_check": 0})
    pki = raise_pki(
        RECIPE, tmp_path_factory.mktemp("net"), at=at, rounds=1000, key="p256", base_url=base, holders=[unvouched]
    )
    net = Net(pki, base, clock, [], {})
    responder = _Noting(pki, clock)
    responder.net = net
    http = server(responder, LocalTsa(pki.key("tsa"), clock), port=port)
    with served(http):
        yield net


@pytest.fixture
def net(raised: Net, at: datetime) -> Net:
    raised.clock.now = at
    raised.asked.clear()
    raised.broken.clear()
    return raised


def refused(net: Net, source: Online, at: datetime) -> str:
    with pytest.raises(RevocationDown) as caught:
        source.status(*net.pair(), at=at)
    return caught.value.detail


# asking -------------------------------------------------------------------------------------------------------


def test_ocsp_is_asked_first(net: Net, at: datetime) -> None:
    found = Online([net.host]).status(*net.pair(), at=at)
    assert (found.word, found.kind, found.begins) == ("good", "ocsp", at)
    assert found.origin == f"{net.base}/ocsp"
    assert found.responder == net.certificate("ocsp")
    assert net.asked == ["ocsp"]


def test_the_list_is_asked_second(net: Net, at: datetime) -> None:
    net.broken["ocsp"] = lambda raw: b"rubbish"
    found = Online([net.host]).status(*net.pair(), at=at)
    assert (found.kind, found.word, found.origin) == ("crl", "good", f"{net.base}/crl/issuing.crl")


def test_a_list_served_as_pem(net: Net, at: datetime) -> None:
    net.broken["ocsp"] = lambda raw: b""
    net.broken["crl"] = lambda raw: x509.load_der_x509_crl(raw).public_bytes(Encoding.PEM)
    assert Online([net.host]).status(*net.pair(), at=at).kind == "crl"


@pytest.mark.parametrize("way", ["ocsp", "crl"])
def test_a_revocation_is_told(net: Net, at: datetime, way: str) -> None:
    if way == "crl":
        net.broken["ocsp"] = lambda raw: b""
    found = Online([net.host]).status(*net.pair("revoked"), at=at)
    assert (found.kind, found.word, found.date) == (way, "revoked", at - 30 * DAY)


def test_the_authority_itself_answers_where_it_appointed_nobody(net: Net, at: datetime) -> None:
    found = Online([net.host]).status(*net.pair("issuing", "root"), at=at)
    assert (found.kind, found.responder) == ("ocsp", None)


def test_nobody_is_asked_who_is_not_named(net: Net, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *given: opened.append(given))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **more: opened.append(given))
    for allowed in ([], ["example.org"], ["127.0.0.1"], [f"127.0.0.1:{1 + int(net.host[-4:])}"], ["localhost:80"]):
        assert "not allowed" in refused(net, Online(allowed), at)
    assert not opened


def test_a_name_that_leads_to_a_private_address(net: Net, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host is allowed, its address is our own machine's: only the very host and port may open that."""
    monkeypatch.setattr(
        revocation, "_addresses", lambda certificate, *, ocsp_wanted: ["http://localhost/ocsp"] if ocsp_wanted else []
    )
    assert "private" in refused(net, Online(["localhost"]), at)
    assert net.asked == []


@pytest.mark.parametrize(
    "address",
    ["https://127.0.0.1/", "ldap://127.0.0.1/", "file:///etc/passwd", "http://user@127.0.0.1/", "http:///x", "x"],
)
def test_addresses_of_other_kinds_are_left_alone(
    net: Net, at: datetime, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "_addresses", lambda certificate, *, ocsp_wanted: [address])
    assert "not a plain http address" in refused(net, Online(["127.0.0.1", "127.0.0.1:80"]), at)


# believing ----------------------------------------------------------------------------------------------------


def spoiled(raw: bytes) -> bytes:
    """The answer with a bit of its signature turned over."""
    return raw[:-3] + bytes([raw[-3] ^ 1]) + raw[-2:]


@pytest.mark.parametrize("fault", ["signature", "stale", "another", "nonce", "somebody", "endless"])
def test_an_answer_that_does_not_hold_is_not_believed(net: Net, at: datetime, fault: str) -> None:
    source = Online([net.host])
    asked_about = ocsp.OCSPRequestBuilder().add_certificate(*net.pair("seal"), hashes.SHA1()).build()
    plain = Responder(net.pki, lambda: at)
    made: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
        "signature": (spoiled, spoiled),
        "stale": (
            lambda raw: Responder(net.pki, lambda: at - 2 * HOUR).ocsp(_asked(net)),
            lambda raw: net.pki.crl("issuing", begins=at - 2 * DAY, ends=at - DAY),
        ),
        "another": (
            lambda raw: plain.ocsp(asked_about.public_bytes(Encoding.DER)),
            lambda raw: net.pki.crl("root", begins=at, ends=at + DAY),
        ),
        "nonce": (lambda raw: plain.ocsp(_asked(net, b"n" * 32)), lambda raw: b""),
        "somebody": (
            lambda raw: Responder(net.pki, lambda: at, delegated="leader").ocsp(_asked(net)),
            lambda raw: net.pki.crl("rogue-root", begins=at, ends=at + DAY),
        ),
        "endless": (lambda raw: b"", lambda raw: b"0" * (revocation._LARGEST_LIST + 1)),
    }
    net.broken["ocsp"], net.broken["crl"] = made[fault]
    told = refused(net, source, at)
    assert f"{net.base}/ocsp" in told
    assert f"{net.base}/crl/issuing.crl" in told
    assert ("answer too long" in told) is (fault == "endless")
    assert ("another question" in told) is (fault == "nonce")


def _asked(net: Net, nonce: bytes | None = None) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(*net.pair(), hashes.SHA1())
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def test_an_answer_without_the_nonce_counts_by_its_dates(net: Net, at: datetime) -> None:
    net.broken["ocsp"] = lambda raw: Responder(net.pki, lambda: at).ocsp(_asked(net))
    assert Online([net.host]).status(*net.pair(), at=at).kind == "ocsp"


class _Rude(BaseHTTPRequestHandler):
    """Answers as the path of the server says: elsewhere, not at all, drop by drop, half, or with an error."""

    how = ""
    ended = threading.Event()

    def do_POST(self) -> None:
        if self.how == "redirect":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
        elif self.how == "error":
            self.send_error(500)
        elif self.how == "half":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
        elif self.how == "drops":
            self.send_response(200)
            self.end_headers()
            while not self.ended.wait(0.02):
                try:
                    self.wfile.write(b"x")
                except OSError:
                    return
        else:
            self.ended.wait(5)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("how", "word"),
    [("redirect", "answers 302"), ("error", "answers 500"), ("half", "cut off"), ("drops", ""), ("silent", "")],
)
def test_rude_hosts(net: Net, at: datetime, how: str, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = type("Rude", (_Rude,), {"how": how, "ended": threading.Event()})
    with served(ThreadingHTTPServer(("127.0.0.1", 0), answer)) as address:
        monkeypatch.setattr(revocation, "_addresses", lambda certificate, *, ocsp_wanted: [address + "x"])
        try:
            told = refused(net, Online([address.removeprefix("http://").rstrip("/")], timeout=0.3), at)
        finally:
            answer.ended.set()  # type: ignore[attr-defined]
    assert address in told
    assert word in told


def test_a_host_that_is_gone(net: Net, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        gone = f"127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setattr(revocation, "_addresses", lambda certificate, *, ocsp_wanted: [f"http://{gone}/"])
    with pytest.raises(RevocationDown) as caught:
        Online([gone]).status(*net.pair(), at=at)
    assert caught.value.code == "revocation_down"
    stored = Stored(net.pki.trust())
    assert Online([gone], stored=stored).status(*net.pair(), at=at).origin == "folder"


# remembering --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["ocsp", "crl"])
def test_what_is_known_is_not_asked_again_until_it_runs_out(net: Net, at: datetime, tmp_path: Path, way: str) -> None:
    if way == "crl":
        net.broken["ocsp"] = lambda raw: b""
    ends = HOUR if way == "ocsp" else DAY
    source = Online([net.host], cache=tmp_path)
    source.status(*net.pair(), at=at)
    count = len([one for one in net.asked if one.startswith(way)])
    again = source.status(*net.pair(), at=at + ends / 2)
    fresh_process = Online([net.host], cache=tmp_path).status(*net.pair(), at=at + ends / 2)
    assert again.origin == fresh_process.origin == "cache"
    assert len([one for one in net.asked if one.startswith(way)]) == count == 1
    net.clock.now = at + 2 * ends
    assert source.status(*net.pair(), at=net.clock.now).begins == net.clock.now
    assert len([one for one in net.asked if one.startswith(way)]) == 2


def test_answers_are_remembered_per_certificate(net: Net, at: datetime) -> None:
    source = Online([net.host])
    for name in ("leader", "seal", "leader", "seal"):
        source.status(*net.pair(name), at=at)
    assert net.asked == ["ocsp", "ocsp"]


def test_what_lies_in_the_folder_is_checked_again(net: Net, at: datetime, tmp_path: Path) -> None:
    Online([net.host], cache=tmp_path).status(*net.pair(), at=at)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(spoiled(kept.read_bytes()))
    assert Online([net.host], cache=tmp_path).status(*net.pair(), at=at).origin == f"{net.base}/ocsp"
    assert net.asked == ["ocsp", "ocsp"]


# the offline source -------------------------------------------------------------------------------------------


def test_stored_answers_come_before_stored_lists(net: Net, at: datetime, tmp_path: Path) -> None:
    answer = Responder(net.pki, lambda: at).ocsp(_asked(net))
    replace(net.pki.trust(), ocsps=(answer,)).save(tmp_path)
    trust = Trust.load(tmp_path)
    assert trust.ocsps == (answer,)
    assert trust.generation != net.pki.trust().generation
    assert Stored(trust).status(*net.pair(), at=at).kind == "ocsp"
    assert Stored(trust).status(*net.pair(), at=at, listed=True).kind == "crl"
    assert Stored(trust).status(*net.pair("seal"), at=at).kind == "crl"
    later = at + 2 * HOUR
    assert Stored(trust).status(*net.pair(), at=later).kind == "crl"  # the answer has run out, the list has not
    with pytest.raises(RevocationDown):
        Stored(net.trust).status(*net.pair(), at=at)


@pytest.mark.parametrize(("salt", "good"), [(32, True), (20, False)])
def test_answers_signed_with_pss(at: datetime, salt: int, good: bool) -> None:
    """The library that reads answers does not know RSASSA-PSS; what is declared must be what was done."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")])
    builder = x509.CertificateBuilder().issuer_name(name).public_key(key.public_key())
    builder = builder.not_valid_before(at - DAY).not_valid_after(at + DAY)
    issuer = builder.subject_name(name).serial_number(1).sign(key, hashes.SHA256())
    leaf = builder.subject_name(x509.Name([])).serial_number(2).sign(key, hashes.SHA256())
    made = ocsp.OCSPResponseBuilder().add_response(
        leaf, issuer, hashes.SHA256(), ocsp.OCSPCertStatus.GOOD, at, at + HOUR, None, None
    )
    plain = made.responder_id(ocsp.OCSPResponderEncoding.NAME, issuer).sign(key, hashes.SHA256())
    whole = asn1_ocsp.OCSPResponse.load(plain.public_bytes(Encoding.DER))
    basic = whole["response_bytes"]["response"].parsed
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
    basic["signature"] = key.sign(basic["tbs_response_data"].dump(), scheme, hashes.SHA256())
    basic["signature_algorithm"] = {
        "algorithm": "rsassa_pss",
        "parameters": {
            "hash_algorithm": {"algorithm": "sha256"},
            "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": "sha256"}},
            "salt_length": 32,
        },
    }
    inside = {"response_type": "basic_ocsp_response", "response": basic}
    raw = asn1_ocsp.OCSPResponse({"response_status": "successful", "response_bytes": inside}).dump()
    assert bool(list(Evidence(Trust(ocsps=(raw,))).answers(leaf, issuer))) is good


# responders ---------------------------------------------------------------------------------------------------


def test_a_responder_its_issuer_did_not_vouch_for_is_looked_up_too(net: Net, at: datetime) -> None:
    answer = Responder(net.pki, lambda: at, delegated="ocsp2").ocsp(_asked(net))
    trust = replace(net.pki.trust(), ocsps=(answer,))
    chain = Evidence(trust).chain(net.certificate("leader"))
    found = gather(chain, Stored(trust), moment=at, at=at)
    assert net.pki.certificate("ocsp2") in found.certificates
    assert [one.kind for one in found.answers] == ["ocsp", "crl", "crl"]
    # Its list says it was revoked: then its answer is none, and the list must speak about the signer.
    entry = net.pki.entries["ocsp2"]
    net.pki.entries["ocsp2"] = replace(entry, revoked_at=(at - DAY).isoformat())
    lists = tuple(net.pki.crl(name, begins=at, ends=at + DAY) for name in ("root", "issuing"))
    net.pki.entries["ocsp2"] = entry
    assert Stored(replace(trust, crls=lists)).status(*net.pair(), at=at).kind == "crl"


def two_questions() -> bytes:
    """One request about two certificates, which RFC 6960 allows and nobody sends."""
    names = {"issuer_name_hash": b"n" * 20, "issuer_key_hash": b"k" * 20}
    one = {"req_cert": {"hash_algorithm": {"algorithm": "sha1"}, "serial_number": 5, **names}}
    return bytes(asn1_ocsp.OCSPRequest({"tbs_request": {"request_list": [one, one]}}).dump())


@pytest.mark.parametrize("query", [b"", b"rubbish", b"\x30\x00", two_questions()])
def test_a_bad_question_gets_a_refusal(net: Net, query: bytes) -> None:
    answer = ocsp.load_der_ocsp_response(Responder(net.pki, net.clock).ocsp(query))
    assert answer.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_strangers_and_unknown_numbers(net: Net, at: datetime, pki: Pki) -> None:
    stranger = x509.load_der_x509_certificate(pki.certificate("issuing"))
    builder = ocsp.OCSPRequestBuilder()
    query = builder.add_certificate(net.certificate("leader"), stranger, hashes.SHA256()).build()
    answer = ocsp.load_der_ocsp_response(Responder(net.pki, net.clock).ocsp(query.public_bytes(Encoding.DER)))
    assert answer.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED
    unknown = x509.load_der_x509_certificate(pki.certificate("leader"))  # the same names, another number
    query = builder.add_certificate(unknown, net.certificate("issuing"), hashes.SHA256()).build()
    answer = ocsp.load_der_ocsp_response(Responder(net.pki, net.clock).ocsp(query.public_bytes(Encoding.DER)))
    assert answer.certificate_status is ocsp.OCSPCertStatus.UNKNOWN


def test_by_get_and_what_is_not_there(net: Net) -> None:
    def get(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(net.base + path, timeout=5) as answer:
                return answer.status, answer.headers["Content-Type"]
        except urllib.error.HTTPError as error:
            with error:
                return error.code, ""

    asked = urllib.request.quote(base64.b64encode(_asked(net)), safe="")
    assert get(f"/ocsp/{asked}") == (200, OCSP_REPLY)
    assert get("/crl/issuing.crl") == (200, CRL_REPLY)
    for path, code in (("/ocsp/%2A", 400), ("/crl/leader.crl", 404), ("/crl/../pki.json.crl", 404), ("/", 404)):
        assert get(path)[0] == code


@pytest.mark.parametrize("digest", ["-sha1", "-sha256"])
def test_openssl_believes_our_answers(net: Net, openssl: Path, digest: str, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    net.clock.now = now  # its own clock decides whether an answer is current
    place = net.pki.directory
    issuer = ["-issuer", place / "trust/intermediates/issuing.crt"]
    trusted = ["-CAfile", place / "trust/root.crt", "-verify_other", place / "trust/intermediates/issuing.crt"]
    for name, word in (("leader", "good"), ("revoked", "revoked")):
        command = [openssl, "ocsp", "-url", f"{net.base}/ocsp", *issuer, digest, "-cert", place / f"keys/{name}.crt"]
        done = subprocess.run([*command, *trusted], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert "Response verify OK" in done.stderr + done.stdout, done.stderr
        assert f"{name}.crt: {word}" in done.stdout
        assert "nonce" not in (done.stderr + done.stdout).lower()


# the whole of it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["B-LT", "B-LTA"])
def test_signed_over_the_wire_and_verified_without_it(net: Net, at: datetime, draft: bytes, level: str) -> None:
    tsa, source = HttpTsa(f"{net.base}/tsa"), Online([net.host])
    request = Request("leader", level=level)  # type: ignore[arg-type]
    signed = sign(draft, net.pki.key("leader"), request, net.trust, tsa=tsa, source=source, at=at)
    assert signed.level == level
    asked = list(net.asked)
    answer = verify(signed.pdf, net.trust, at=at + timedelta(minutes=1))
    assert (answer.verdict, answer.signatures[0].level) == (Verdict.PASSED, level)
    assert answer.signatures[0].revocation_source.startswith("OCSP")
    assert net.asked == asked  # verifying asks nobody
    assert len(asked) == 3  # leader, issuing authority, authority of the stamps: each once


def test_a_revoked_signer_is_refused_before_the_key_is_asked(net: Net, at: datetime, draft: bytes) -> None:
    class Watched:
        def __init__(self) -> None:
            self._key = net.pki.key("revoked")
            self.certificate, self.chain = self._key.certificate, self._key.chain

        def sign(self, data: bytes, *, digest: str = "sha256") -> bytes:
            raise AssertionError("asked")

    request, tsa = Request("leader", level="B-LT"), LocalTsa(net.pki.key("tsa"), net.clock)
    with pytest.raises(CertificateUnfit, match="certificate_revoked"):
        sign(draft, Watched(), request, net.trust, tsa=tsa, source=Online([net.host]), at=at)  # type: ignore[arg-type]
    with pytest.raises(RevocationDown):
        sign(draft, Watched(), request, net.trust, tsa=tsa, source=Online([]), at=at)  # type: ignore[arg-type]


def test_the_commands(net: Net, draft: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``sign --level``, ``extend --allow`` and ``pki up --base-url`` as a stranger would use them."""
    net.clock.now = datetime.now(UTC)
    monkeypatch.setenv("SIGNING_PASSWORD", net.pki.password("leader"))
    net.trust.save(tmp_path / "trust")
    (tmp_path / "draft.pdf").write_bytes(draft)
    common = ["--trust", str(tmp_path / "trust"), "--tsa", f"{net.base}/tsa", "--allow", net.host]
    key = ["--key", str(net.pki.keys_dir / "leader.key"), "--field", "leader"]
    files = [str(tmp_path / "draft.pdf"), str(tmp_path / "signed.pdf")]
    assert main(["sign", *files, *key, *common, "--level", "B-LT"]) == 0
    files = [str(tmp_path / "signed.pdf"), str(tmp_path / "kept.pdf")]
    assert main(["extend", *files, *common, "--level", "B-LTA"]) == 0
    found = verify(tmp_path / "kept.pdf", net.trust, at=net.clock.now)
    assert (found.verdict, found.signatures[0].level) == (Verdict.PASSED, "B-LTA")


def test_certificates_name_the_responders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = "http://127.0.0.1:8319/"
    assert main(["pki", "up", "--out", str(tmp_path / "p"), "--key", "p256", "--base-url", base]) == 0
    pki = Pki.load(tmp_path / "p")
    pki.issue([Holder("late", "Người đến sau", "Sở Nội vụ")], at=datetime.now(UTC))
    for name, issuer in (("issuing", "root"), ("leader", "issuing"), ("late", "issuing"), ("rogue-tsa", "rogue-root")):
        certificate = x509.load_der_x509_certificate(pki.certificate(name))
        assert revocation._addresses(certificate, ocsp_wanted=True) == [f"{base}ocsp"]
        assert revocation._addresses(certificate, ocsp_wanted=False) == [f"{base}crl/{issuer}.crl"]
    root = x509.load_der_x509_certificate(pki.certificate("root"))
    assert revocation._addresses(root, ocsp_wanted=True) == revocation._addresses(root, ocsp_wanted=False) == []


def test_verifying_with_a_network(net: Net, at: datetime, draft: bytes, tmp_path: Path) -> None:
    """Nobody is asked unless a host is named; then who was revoked since is known, and who was not."""
    tsa = LocalTsa(net.pki.key("tsa"), net.clock)
    pdf = sign(draft, net.pki.key("leader"), Request("leader", level="B-T"), Trust(), tsa=tsa, at=at).pdf
    assert verify(pdf, net.trust, at=at).verdict is Verdict.WARNED
    assert net.asked == []
    told = informed(pdf, net.trust, Online([net.host]), at=at)
    assert verify(pdf, told, at=at).verdict is Verdict.PASSED
    silent = informed(pdf, net.trust, Online([]), at=at)
    assert (silent, informed(b"%PDF-1.7 rubbish", net.trust, Online([net.host]), at=at)) == (net.trust, net.trust)
    gone = sign(draft, net.pki.key("revoked"), Request("leader"), Trust(), at=at).pdf
    (tmp_path / "good.pdf").write_bytes(pdf)
    (tmp_path / "gone.pdf").write_bytes(gone)
    net.trust.save(tmp_path / "trust")
    words = ["--trust", str(tmp_path / "trust"), "--at", at.isoformat()]
    for name, plain, asked in (("good.pdf", 2, 0), ("gone.pdf", 2, 4), ("missing.pdf", 3, 3)):
        assert main(["verify", str(tmp_path / name), *words]) == plain
        assert main(["verify", str(tmp_path / name), *words, "--allow", net.host]) == asked


def test_serving_a_folder(pki: Pki, at: datetime, draft: bytes) -> None:
    command = [sys.executable, "-m", "signing", "pki", "serve", "--out", str(pki.directory)]
    with ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        stack.callback(process.terminate)
        assert process.stdout is not None
        told = dict(reversed(process.stdout.readline().split()) for _ in range(3))
        assert sorted(told.values()) == ["crl", "ocsp", "tsa"]
        (crl,) = (address for address, kind in told.items() if kind == "crl")
        with urllib.request.urlopen(crl, timeout=5) as answer:
            assert x509.load_der_x509_crl(answer.read()).issuer
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/tsa", next(a for a, kind in told.items() if kind == "tsa"))
    assert process.returncode == 0


def test_nothing_to_serve(tmp_path: Path) -> None:
    assert main(["pki", "serve", "--out", str(tmp_path)]) == 64


def test_evidence_held_already_is_not_asked_for_again(net: Net, at: datetime, draft: bytes) -> None:
    tsa = LocalTsa(net.pki.key("tsa"), net.clock)
    request = Request("leader", level="B-LTA")
    signed = sign(draft, net.pki.key("leader"), request, net.trust, tsa=tsa, source=Online([net.host]), at=at)
    net.clock.now = later = at + 40 * DAY
    net.asked.clear()
    again = extend(signed.pdf, net.trust, level="B-LTA", tsa=tsa, source=Online([net.host]), at=later)
    assert verify(again.pdf, net.trust, at=later).verdict is Verdict.PASSED
    assert len(net.asked) == 2  # the authority of the last stamp and its issuer; the signer's evidence is kept
