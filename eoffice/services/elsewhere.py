"""Signatures whose value is made elsewhere: by a token at the signer's own computer, or by a program there.

The key never comes here. What is handed out is remembered with the person it was handed to; what comes back is hostile
until the document has been computed anew around it, and serves once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete

from eoffice.core.desk import Desk, scope
from eoffice.core.errors import NotFound, ProgrammingError, SignatureProblem
from eoffice.core.i18n import N_, translate
from eoffice.core.ids import new_id
from eoffice.models.directory import Certificate
from eoffice.models.review import PreparedSignature
from signing.errors import DocumentError, NotPermitted, SigningError, ValueRejected

if TYPE_CHECKING:
    from signing.annex import AnnexRequest, CopyRequest
    from signing.pending import Pending
    from signing.seal import SealRequest
    from signing.sign import Request, Signed

REMEMBERED = timedelta(days=1)
"""How long after its end what was handed out is still known, so that a late answer is told why it comes too late."""

FILE_LASTS = timedelta(days=30)
"""A file that went out for another program may come back so long."""


class NotAccepted(SignatureProblem):
    """What came back is no signature of this document by this key, or is no longer what went out."""

    message = N_("What came back was not accepted, and nothing was signed: {why}")

    def __init__(self, error: SigningError) -> None:
        self.error = error
        super().__init__(error.code, detail=error.detail)

    def sentence(self, locale: str = "vi") -> str:
        return translate(locale, self.message, why=self.error.sentence(locale))


@dataclass(frozen=True)
class Wanted:
    """A signature that is to be made: whose, under which file, and how.

    Args:
        sha256: of the file; data: the file itself where it is laid out anew each time and not in the store.
    """

    document: UUID
    certificate: Certificate
    sha256: str
    request: Request | SealRequest | AnnexRequest | CopyRequest
    data: bytes = field(default=b"", repr=False)

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The issuers of the certificate (DER), nearest first."""
        return tuple(bytes.fromhex(der) for der in self.certificate.chain)


@dataclass(frozen=True)
class Value:
    """What a token answered for what was handed out: the signature value in base64."""

    prepared: UUID
    value: str


@dataclass(frozen=True)
class Returned:
    """A file that another program has signed, in the store; ``prepared``: what was handed out, where it is not the very
    file that is signed."""

    sha256: str
    prepared: UUID | None = None


Answer = tuple[Value, ...] | Returned
"""What came back for one deed."""


@dataclass(frozen=True)
class Offer:
    """What is handed to the signer's computer, and the row that remembers it."""

    row: PreparedSignature
    pending: Pending | None = None

    def facts(self) -> dict[str, str]:
        """What a token's program needs, as docs/tokens.md tells it.

        Raises:
            ValueError: a file was handed out.
        """
        if self.pending is None:
            raise ValueError("a file was handed out")
        return {
            "prepared": str(self.row.id),
            "certificate": hashlib.sha256(self.pending.certificate).hexdigest(),
            "data": base64.b64encode(self.pending.to_sign).decode(),
            "digest": self.pending.digest,
            "mechanism": self.pending.mechanism,
        }


def offer(desk: Desk, wanted: Wanted) -> Offer:
    """Write everything but the value, for a token elsewhere; ``keep`` remembers it.

    Raises:
        SigningError: as ``signing.prepare``.
    """
    from signing.keys import Signer
    from signing.pending import prepare

    pending = prepare(
        _data(desk, wanted),
        Signer(wanted.certificate.der, wanted.chain),
        wanted.request,
        desk.tools.trust(),
        user=_user(desk),
        at=desk.now(),
        tsa=desk.tools.tsa(),
        source=desk.tools.revocation(),
    )
    return Offer(_row(desk, wanted, until=pending.until, content=pending.to_bytes(document=False)), pending)


def hand_out(desk: Desk, wanted: Wanted) -> Offer:
    """Fill in number and date, and store the file that goes out to be sealed by a program elsewhere; see ``keep``.

    A leader's program gets the very draft that was displayed to him.

    Args:
        wanted: of the agency, on a document.

    Raises:
        SigningError: it could not be signed.
    """
    from signing.keys import Signer
    from signing.roundtrip import hand_out as ready
    from signing.seal import SealRequest, fill

    if not isinstance(wanted.request, SealRequest):
        raise ProgrammingError("only what is sealed is filled in before it goes out")
    signer, source = Signer(wanted.certificate.der, wanted.chain), desk.tools.revocation()
    data = fill(_data(desk, wanted), signer, wanted.request, desk.tools.trust(), source=source, at=desk.now())
    sent = ready(data, wanted.request.field)
    return Offer(_row(desk, wanted, until=desk.now() + FILE_LASTS, handed_sha256=desk.files.put(sent.pdf)))


def _row(desk: Desk, wanted: Wanted, *, until: datetime, **what: Any) -> PreparedSignature:
    return PreparedSignature(
        id=new_id(), agency_id=desk.agency, post_id=desk.actor.post, document_id=wanted.document,
        certificate_id=wanted.certificate.id, sha256=wanted.sha256, made_at=desk.now(), until=until, **what,
    )  # fmt: skip


def keep(desk: Desk, *offers: Offer) -> None:
    """Remember what is handed out, and forget what is long over."""
    over = PreparedSignature.until < desk.now() - REMEMBERED
    gone = delete(PreparedSignature).where(PreparedSignature.agency_id == desk.agency, over)
    desk.session.execute(gone, execution_options={"scoped": True, "synchronize_session": False})
    desk.session.add_all([one.row for one in offers])


def handed_out(desk: Desk, document: UUID) -> PreparedSignature | None:
    """The file of a document that this person last had handed out, and that has not come back."""
    statement = (
        _own(desk)
        .where(
            PreparedSignature.document_id == document,
            PreparedSignature.handed_sha256.is_not(None),
            PreparedSignature.used_at.is_(None),
            PreparedSignature.until > desk.now(),
        )
        .order_by(PreparedSignature.made_at.desc())
        .limit(1)
    )
    return desk.session.scalars(statement).first()


def take(desk: Desk, wanted: Wanted, answer: Answer) -> Signed:
    """Put what came back into the document, once everything about it is checked; the level is the one asked for.

    Raises:
        NotAccepted: of another document or key, or not what went out.
        SigningError: too late, another person's, used already; TsaDown, RevocationDown: nothing is used up.
    """
    try:
        return _returned(desk, wanted, answer) if isinstance(answer, Returned) else _completed(desk, wanted, answer)
    except (ValueRejected, DocumentError) as error:
        raise NotAccepted(error) from error


def _completed(desk: Desk, wanted: Wanted, values: Sequence[Value]) -> Signed:
    from signing.pending import Pending, complete

    for value in values:
        row = _find(desk, value.prepared)
        if (row.document_id, row.sha256, row.certificate_id) == (
            wanted.document,
            wanted.sha256,
            wanted.certificate.id,
        ) and row.content is not None:
            break
    else:
        raise ValueRejected("input_changed", "nothing came back for this file")
    try:
        raw = base64.b64decode(value.value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueRejected("value_wrong", "no base64") from error
    return complete(
        Pending.from_bytes(row.content, _data(desk, wanted)),
        raw,
        desk.tools.trust(),
        user=_user(desk),
        tsa=desk.tools.tsa(),
        source=desk.tools.revocation(),
        at=desk.now(),
        claim=lambda _pending: row.used_at is None,  # for good in ``claim``, within the deed
    )


def _returned(desk: Desk, wanted: Wanted, answer: Returned) -> Signed:
    from signing.extend import lasting
    from signing.results import Limits
    from signing.sign import Request, Signed

    sent = wanted.sha256
    if answer.prepared is None and not isinstance(wanted.request, Request):
        raise ValueRejected("input_changed", "nothing was handed out: number and date are not in it")
    if answer.prepared is not None:
        row = _find(desk, answer.prepared)
        if (row.document_id, row.sha256) != (wanted.document, wanted.sha256) or row.handed_sha256 is None:
            raise ValueRejected("input_changed", "handed out for another file")
        if row.used_at is not None:
            raise NotPermitted("pending_used", str(row.id))
        sent = row.handed_sha256
    facts = desk.tools.sandbox().call(
        "eoffice.services.elsewhere.look_back",
        desk.files.path(answer.sha256),
        sent=str(desk.files.path(sent)),
        field=wanted.request.field,
        kind=_kind(wanted),
        certificate=wanted.certificate.der.hex(),
        trust=str(desk.settings.pki / "trust"),
        at=desk.now().isoformat(),
    )
    if "error" in facts:
        raise _error(facts)
    times = {name: datetime.fromisoformat(facts[name]) if facts[name] else None for name in ("claimed", "proven")}
    signed = Signed(
        pdf=desk.files.read(answer.sha256),
        sha256=answer.sha256,
        field=wanted.request.field,
        level=facts["level"],
        claimed_time=times["claimed"] or desk.now(),
        proven_time=times["proven"],
        digest=facts["digest"],
        algorithm=facts["algorithm"],
    )
    how = {"tsa": desk.tools.tsa(), "source": desk.tools.revocation(), "limits": Limits(), "at": desk.now()}
    return lasting(signed, wanted.request.level, desk.tools.trust(), **how)


def look_back(
    data: bytes, *, sent: str, field: str, kind: Any, certificate: str, trust: str, at: str
) -> dict[str, Any]:
    """Judge a file that came back; runs in a child, for the file is hostile. Arguments as ``signing.take_back``."""
    from signing.roundtrip import take_back
    from signing.trust import Trust

    try:
        found = take_back(
            Path(sent).read_bytes(),
            data,
            field=field,
            trust=Trust.load(Path(trust)),
            certificate=bytes.fromhex(certificate),
            kind=kind,
            at=datetime.fromisoformat(at),
        )
    except SigningError as error:
        return {"error": type(error).__name__, "code": error.code, "detail": error.detail}
    return {
        "level": found.level,
        "claimed": found.claimed_time.isoformat(),
        "proven": found.proven_time.isoformat() if found.proven_time else "",
        "digest": found.digest,
        "algorithm": found.algorithm,
    }


def _error(facts: dict[str, Any]) -> SigningError:
    import signing.errors

    kind: type[SigningError] = getattr(signing.errors, facts["error"], SigningError)
    return kind(facts["code"], facts["detail"])


def claim(desk: Desk, answer: Answer) -> None:
    """Use up what came back, within the deed, and tell the ledger: of two at the same time one wins.

    Raises:
        NotPermitted: ``pending_used``.
    """
    keys = [one.prepared for one in (answer if isinstance(answer, tuple) else (answer,))]
    for key in keys:
        if key is None:
            continue
        row = desk.session.scalars(_own(desk).where(PreparedSignature.id == key).with_for_update()).one_or_none()
        if row is None or row.used_at is not None:
            raise NotPermitted("pending_used", str(key))
        row.used_at = desk.now()
    desk.note(elsewhere="file" if isinstance(answer, Returned) else "token")


def is_at_holder(certificate: Certificate) -> bool:
    """Whether a key lies with its holder, where this office cannot reach it."""
    return certificate.storage == "token"


def require_here(certificate: Certificate) -> None:
    """Refuse a key that only its holder has, where the agent would be asked for it.

    Raises:
        SignatureProblem: ``key_elsewhere``.
    """
    if is_at_holder(certificate):
        raise SignatureProblem("key_elsewhere", KEY_ELSEWHERE)


KEY_ELSEWHERE = N_(
    "The key of this certificate is on a token that only its holder has. Nothing was signed. Please plug in the token "
    "and sign with it, or have the file signed by another program and bring it back."
)


def _find(desk: Desk, key: UUID) -> PreparedSignature:
    """What was handed out, also to somebody else of the agency: the answer then says so.

    Raises:
        NotFound: long over, or never.
    """
    statement = scope(desk, PreparedSignature).where(
        PreparedSignature.agency_id == desk.agency, PreparedSignature.id == key
    )
    row = desk.session.scalars(statement).one_or_none()
    if row is None:
        raise NotFound("prepared_unknown", UNKNOWN)
    return row


UNKNOWN = N_("What was prepared for this signature is no longer known. Nothing was signed. Please begin again.")


def _own(desk: Desk) -> Any:
    return scope(desk, PreparedSignature).where(
        PreparedSignature.agency_id == desk.agency, PreparedSignature.post_id == desk.actor.post
    )


def _user(desk: Desk) -> str:
    """Who alone may complete it: this person on this post, in this sign-in."""
    return f"{desk.actor.post}:{desk.actor.person}:{desk.actor.session}"


def _data(desk: Desk, wanted: Wanted) -> bytes:
    return wanted.data or desk.files.read(wanted.sha256, check=True)


def _kind(wanted: Wanted) -> Any:
    return getattr(wanted.request, "kind", "approval")


def make(desk: Desk, wanted: Wanted, answer: Answer | None) -> Signed:
    """Make a signature: of what came back from elsewhere, or with the key agent's key, which this sign-in has opened.

    Raises:
        SignatureProblem: the key lies with its holder, and nothing came back; SigningError: see ``take``,
            ``signing.sign`` and ``signing.fill_and_seal``.
    """
    if answer:
        return take(desk, wanted, answer)
    require_here(wanted.certificate)
    return _with_agent(desk, wanted)


def _with_agent(desk: Desk, wanted: Wanted) -> Signed:
    from signing.agent import AgentKey
    from signing.annex import AnnexRequest, CopyRequest, sign_annex, sign_copy
    from signing.seal import SealRequest, fill_and_seal
    from signing.sign import sign

    name, der = wanted.certificate.key_name, wanted.certificate.der
    key = AgentKey(desk.tools.agent(), desk.actor.session, name, wanted.sha256, der, wanted.chain)
    data, trust = _data(desk, wanted), desk.tools.trust()
    how: dict[str, Any] = {"tsa": desk.tools.tsa(), "source": desk.tools.revocation(), "at": desk.now()}
    if isinstance(wanted.request, SealRequest):
        return fill_and_seal(data, key, wanted.request, trust, **how)
    if isinstance(wanted.request, AnnexRequest):
        return sign_annex(data, key, wanted.request, trust, **how)
    if isinstance(wanted.request, CopyRequest):
        return sign_copy(data, key, wanted.request, trust, **how)
    return sign(data, key, wanted.request, trust, **how)
