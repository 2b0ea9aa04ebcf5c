"""Words, icons and shapes for every code a page shows: state, verdict, urgency, channel, ledger word."""

from __future__ import annotations

from dataclasses import dataclass

from eoffice.core.i18n import N_
from eoffice.rules.lifecycle import OPEN_INCOMING, State

S = State


@dataclass(frozen=True)
class Word:
    """How a code is shown.

    Args:
        text: English msgid; icon: of the sprite.
        tone: ``ok``, ``warn``, ``bad`` or ``none`` give a shape of their own, "" is plain.
    """

    text: str
    icon: str
    tone: str = ""


STATES: dict[str, Word] = {
    S.ARRIVED: Word(N_("Arrived"), "inbox"),
    S.REFUSED: Word(N_("Refused"), "undo-2"),
    S.REGISTERED: Word(N_("Registered"), "book-open"),
    S.SUBMITTED: Word(N_("Submitted"), "send"),
    S.ASSIGNED: Word(N_("Assigned"), "users"),
    S.IN_PROGRESS: Word(N_("In progress"), "circle-dot"),
    S.DONE: Word(N_("Done"), "circle-check"),
    S.CANCELLED_BY_RECALL: Word(N_("Cancelled by recall"), "unlink"),
    S.FILED: Word(N_("Filed"), "folder"),
    S.DRAFT: Word(N_("Draft"), "file-pen", "none"),
    S.IN_REVIEW: Word(N_("In review"), "eye"),
    S.CONTENT_OK: Word(N_("Content approved"), "check"),
    S.FORMAT_OK: Word(N_("Format approved"), "file-check"),
    S.SIGNED: Word(N_("Signed"), "signature"),
    S.NUMBERED: Word(N_("Numbered"), "hash"),
    S.SEALED: Word(N_("Sealed"), "stamp"),
    S.ISSUED: Word(N_("Issued"), "circle-check"),
    S.RECALLING: Word(N_("Being recalled"), "undo-2"),
    S.RECALLED: Word(N_("Recalled"), "undo-2"),
    S.REPLACED: Word(N_("Replaced"), "copy"),
    S.WITHDRAWN: Word(N_("Withdrawn"), "minus"),
    S.VOID: Word(N_("Void"), "ban"),
}

VERDICTS: dict[str, Word] = {
    "PASSED": Word(N_("Valid"), "shield-check", "ok"),
    "WARNED": Word(N_("Warning"), "triangle-alert", "warn"),
    "FAILED": Word(N_("Invalid"), "octagon-x", "bad"),
    "UNSIGNED": Word(N_("Unsigned"), "circle-dashed", "none"),
    "UNREADABLE": Word(N_("Unreadable"), "file-question", "none"),
}

URGENCIES: dict[str, Word] = {
    "urgent": Word(N_("Urgent"), "chevron-up"),
    "very_urgent": Word(N_("Very urgent"), "chevrons-up"),
    "express": Word(N_("Express"), "zap"),
}

CHANNELS: dict[str, str] = {
    "hand": N_("by hand"),
    "post": N_("by post"),
    "email": N_("by e-mail"),
    "intra_system": N_("within this system"),
    "axis": N_("by the national exchange axis"),
    "fax": N_("by fax"),
}

STAGES: dict[str, str] = {
    "received": N_("as received"),
    "draft": N_("draft"),
    "signed": N_("signed by the leader"),
    "sealed": N_("issued, with the agency's seal"),
}

PARTS: dict[str, Word] = {
    "lead": Word(N_("Lead"), "user"),
    "coordinate": Word(N_("Co-ordinating"), "users"),
    "inform": Word(N_("For information"), "eye"),
}

PART_STATES: dict[str, Word] = {
    "open": Word(N_("not yet begun"), "circle-dashed"),
    "in_progress": Word(N_("in progress"), "circle-dot"),
    "done": Word(N_("done"), "circle-check", "ok"),
}

APPROVALS: dict[tuple[str, str], Word] = {
    ("content", "approved"): Word(N_("Content approved"), "circle-check", "ok"),
    ("format", "approved"): Word(N_("Format approved"), "circle-check", "ok"),
    ("content", "sent_back"): Word(N_("Sent back"), "undo-2", "warn"),
    ("format", "sent_back"): Word(N_("Sent back"), "undo-2", "warn"),
}

CHANGES: dict[str, Word | None] = {
    "same": None,
    "changed": Word(N_("changed"), "pen-line"),
    "added": Word(N_("added"), "plus"),
    "removed": Word(N_("removed"), "minus"),
}
"""What happened to a paragraph between two versions."""

SIGNING: dict[str, Word] = {
    "listed": Word(N_("Approved, not signed yet"), "circle-dashed"),
    "queued": Word(N_("Waiting to be signed"), "circle-dashed"),
    "working": Word(N_("Being signed"), "loader"),
    "signed": Word(N_("Signed"), "circle-check", "ok"),
    "failed": Word(N_("Not signed"), "octagon-x", "bad"),
}
"""What became of a document of a signing list; ``working`` when a worker is at it."""

DELIVERY_CHANNELS: dict[str, Word] = {
    "local": Word(N_("Within this system"), "network"),
    "paper": Word(N_("By post"), "mail"),
}

DELIVERY_STATES: dict[str, Word] = {
    "queued": Word(N_("Waiting to be sent"), "clock"),
    "sending": Word(N_("Being sent"), "send"),
    "delivered": Word(N_("Delivered, receipt verified"), "badge-check"),
    "arrived": Word(N_("Arrived"), "inbox"),
    "registered": Word(N_("Accepted"), "book-open"),
    "assigned": Word(N_("Assigned"), "users"),
    "working": Word(N_("In progress"), "circle-dot"),
    "finished": Word(N_("Done"), "circle-check", "ok"),
    "refused": Word(N_("Refused"), "octagon-x", "bad"),
    "failed": Word(N_("Not delivered"), "octagon-alert", "bad"),
    "expired": Word(N_("Expired"), "octagon-alert", "bad"),
    "cancelled": Word(N_("Cancelled"), "ban"),
    "posted": Word(N_("Posted"), "mail"),
}

CODES: tuple[tuple[str, str], ...] = (
    ("01", N_("Arrived")),
    ("03", N_("Accepted")),
    ("04", N_("Assigned")),
    ("05", N_("In progress")),
    ("06", N_("Done")),
)
"""The steps of a delivery as the receiver reports them (Decision 28/2018 article 10)."""

CODE_NAMES = {**dict(CODES), "02": N_("Refused")}

DEEDS: dict[str, str] = {
    "document.arrived": N_("The document arrived; its signatures were checked: {verdict}"),
    "document.registered": N_("{who} registered it under arrival number {number}"),
    "document.refused": N_("{who} refused it: {reason}"),
    "document.forwarded": N_("{who} submitted it to the leader"),
    "document.instructed": N_("{who} gave instructions and assigned it"),
    "document.assigned": N_("{who} named the person who does the work"),
    "document.started": N_("{who} began the work"),
    "document.finished": N_("{who} finished it"),
    "file.checked": N_("{who} had the signatures checked anew: {verdict}"),
    "draft.composed": N_("{who} wrote the draft"),
    "draft.revised": N_("{who} wrote version {version} of the draft"),
    "draft.annex_added": N_("{who} added an annex to the draft: {note}"),
    "draft.annexes_arranged": N_("{who} changed the annexes of the draft: {note}"),
    "draft.submitted": N_("{who} submitted the draft for review"),
    "draft.sent_back": N_("{who} sent the draft back: {note}"),
    "draft.content_approved": N_("{who} approved the content"),
    "draft.format_approved": N_("{who} approved the format"),
    "signing.listed": N_("{who} read it and put it into the signing list"),
    "signing.unlisted": N_("{who} took it out of the signing list"),
    "key.unlocked": N_("{who} unlocked the signing key for the documents of the list"),
    "signing.retried": N_("{who} had signing tried again"),
    "signing.stopped": N_("{who} stopped what was not signed yet"),
    "signing.failed": N_("It was not signed: {reason}"),
    "document.signed": N_("{who} signed it"),
    "document.paper_chosen": N_("{who} chose who gets paper too"),
    "document.numbered": N_("{who} gave it number {number}"),
    "document.sealed": N_("{who} set the agency's signature"),
    "copy.certified": N_("{who} made certified copy {number}"),
    "document.issued": N_("{who} issued it"),
    "delivery.sent": N_("It was sent to {to}"),
    "delivery.failed": N_("It could not be sent to {to}"),
    "delivery.resent": N_("{who} sent it again to {to}"),
    "delivery.confirmed": N_("The signed receipt of {to} came and was verified"),
    "delivery.posted": N_("{who} handed the paper for {to} to the post"),
    "message.received": N_("It came in through the exchange, a receipt was sent"),
    "status.reported": N_("The sender was told status {code}, {step}"),
    "status.applied": N_("{to} reported status {code}, {step}"),
    "deed.refused": N_("{who} tried something that was refused"),
    "account.signed_in": N_("{who} signed in"),
    "account.sign_in_failed": N_("{who} tried to sign in with a wrong password"),
    "account.signed_out": N_("{who} signed out"),
    "account.session_ended": N_("{who} ended another session of the own account"),
    "account.others_ended": N_("{who} ended all other sessions of the own account"),
    "account.password_changed": N_("{who} changed the own password"),
    "agency.established": N_("{who} entered an agency in the directory"),
    "post.appointed": N_("{who} put somebody on the post of {title}"),
    "certificate.entered": N_("{who} entered a certificate in the directory"),
    "certificate.requested": N_("{who} asked for a certificate"),
    "certificate.brought_in": N_("{who} brought the certificate in as its issuer made it"),
    "evidence.measured": N_("{who} looked how long signatures of issued documents can be proven"),
    "renewal.ordered": N_("{who} had signatures at risk stamped anew"),
    "evidence.renewed": N_("A new time-stamp was added, so that its signatures can be proven for longer"),
    "request_list.sent": N_("{who} asked for the certificates of a list"),
    "certificate.refused": N_("{who} refused the request for a certificate: {reason}"),
    "issuing.ordered": N_("{who} had certificates issued that were asked for"),
    "certificate.issued": N_("{who} issued the certificate"),
    "certificate.revoked": N_("{who} revoked the certificate: {reason}"),
    "revocation.published": N_("The revocation was published in the issuer's list"),
    "renewal.asked": N_("{who} asked for new certificates in place of those that end"),
    "key.password_changed": N_("{who} changed the password of the signing key"),
    "key.handed_over": N_("{who} wrote down that the agency's key was handed over, by permission {note}"),
    "calendar.seeded": N_("{who} entered days off and working days"),
    "setting.changed": N_("{who} changed a setting of the office"),
    "proof.asked": N_("{who} asked for a proof of the ledger"),
    "proof.made": N_("{who} proved the whole ledger"),
}
"""Ledger words as sentences; the facts come from what the deed noted."""

OTHER_DEED = N_("{who} did something to it")

TABLES: dict[str, str] = {
    "document": N_("A document"),
    "document_file": N_("A file of a document"),
    "instruction": N_("An instruction"),
    "assignment": N_("An assignment"),
    "draft_version": N_("A version of a draft"),
    "approval": N_("An approval"),
    "number_allocation": N_("A number of a book"),
    "register_line": N_("A line of a register"),
    "delivery": N_("A delivery"),
    "delivery_event": N_("An event of a delivery"),
    "message": N_("A message from the exchange"),
    "certified_copy": N_("A line of the register of copies"),
}
"""What the ledger vouches for, as broken places are named."""

COPIES: dict[str, str] = {
    "copy_full": N_("Full copy: of a paper original, scanned whole"),
    "copy_of_copy": N_("Copy of a copy: of a paper copy, scanned whole"),
    "copy_extract": N_("Extract: some pages of an original"),
}
"""The forms of certified copies, as they are chosen (Decree 30/2020 article 25)."""

OTHER_TABLE = N_("A record")

NUMBER_STATES: dict[str, str] = {"held": N_("held"), "used": N_("used"), "void": N_("void")}

BASES: dict[str, str] = {
    "head": N_("head of the agency"),
    "collective": N_("on behalf of the collective (TM.)"),
    "by_order": N_("by order (TL.)"),
    "by_authorisation": N_("by authorisation (TUQ.)"),
}
HOLDERS: dict[str, str] = {"deputy": N_("in place of the head (KT.)"), "acting": N_("acting head (Q.)")}
"""In which capacity somebody signs: in whose right, and how he holds the post; nothing is said of the plain case."""

PURPOSES: dict[str, str] = {
    "leader": N_("the competent person"),
    "seal": N_("the agency"),
    "exchange": N_("the agency's exchange"),
}
PURPOSES_LISTED: dict[str, str] = {
    "leader": N_("Signer"),
    "seal": N_("Agency's seal"),
    "exchange": N_("Exchange"),
}
CERTIFICATE_TABS: dict[str, str] = {
    "active": N_("In use"),
    "ending": N_("End soon"),
    "expired": N_("Expired"),
    "revoked": N_("Revoked"),
    "replaced": N_("Replaced"),
}
REQUEST_STATES: dict[str, Word] = {
    "requested": Word(N_("Asked for"), "clock"),
    "issued": Word(N_("Issued to the holder"), "circle-check", "ok"),
    "refused": Word(N_("Request refused"), "octagon-x", "bad"),
}
LIST_STATES: dict[str, Word] = {
    "new": Word(N_("will be asked for"), "circle-check", "ok"),
    "skipped": Word(N_("left out"), "minus"),
    "wrong": Word(N_("wrong"), "octagon-x", "bad"),
}
REVOCATIONS: dict[str, str] = {
    "good": N_("not revoked"),
    "revoked": N_("revoked"),
    "unknown": N_("not known: no list of the issuer speaks for now"),
}
STORAGES: dict[str, str] = {
    "agent": N_("in the key agent of this office"),
    "token": N_("on a device of its holder"),
    "hsm": N_("in an HSM or on a token of this office"),
    "service": N_("with a signing service"),
}
CERTIFICATE_STATES: dict[str, Word] = {
    "active": Word(N_("In use"), "shield-check"),
    "revoked": Word(N_("Revoked"), "octagon-x", "bad"),
    "replaced": Word(N_("Replaced"), "copy"),
    "expired": Word(N_("Expired"), "clock", "warn"),
    "to_come": Word(N_("Not yet valid"), "clock"),
}

LEVELS: dict[str, str] = {
    "central": N_("Central"),
    "province": N_("Province"),
    "department": N_("Department"),
    "commune": N_("Commune"),
    "other": N_("Other organisation"),
}

BOXES: dict[str, str] = {
    "text": N_("Instruction"),
    "reason": N_("Reason"),
    "note": N_("Note"),
    "subject": N_("Subject"),
    "body": N_("Text"),
    "login": N_("Login"),
    "purpose": N_("For what, for whom"),
    "pages": N_("Pages taken"),
}
OTHER_BOX = N_("Your text")
"""What a box of a form holds, when its text is shown on another page."""

SIGNATURES: dict[str, str] = {
    "leader": N_("signature of the competent person"),
    "seal": N_("signature of the agency"),
    "document_timestamp": N_("time-stamp of the document"),
    "other": N_("signature"),
}

ROLES: dict[str, str] = {
    "clerk": N_("Clerk"),
    "leader": N_("Leader"),
    "unit_head": N_("Unit head"),
    "officer": N_("Officer"),
    "format_checker": N_("Format checker"),
    "archivist": N_("Archivist"),
    "auditor": N_("Auditor"),
    "admin": N_("Administrator"),
}


@dataclass(frozen=True)
class Waiting:
    """How a queue is called: in the rail, and as the heading of its page."""

    text: str
    icon: str
    title: str


QUEUES: dict[str, Waiting] = {
    "to_register": Waiting(N_("To register"), "inbox", N_("Incoming documents to register")),
    "to_forward": Waiting(N_("To submit"), "send", N_("Registered documents to submit to a leader")),
    "to_instruct": Waiting(N_("To instruct"), "inbox", N_("Documents that wait for an instruction")),
    "to_assign": Waiting(N_("To assign"), "users", N_("Documents to assign in the unit")),
    "tasks": Waiting(N_("Assigned to me"), "inbox", N_("Assigned documents")),
    "drafting": Waiting(N_("Being drafted"), "file-pen", N_("Drafts being written")),
    "sent_back": Waiting(N_("To revise"), "undo-2", N_("Drafts that were sent back")),
    "to_approve": Waiting(N_("Content"), "eye", N_("Drafts whose content waits for approval")),
    "to_check": Waiting(N_("Format"), "file-check", N_("Drafts whose format waits for approval")),
    "to_sign": Waiting(N_("To sign"), "signature", N_("Documents to sign")),
    "to_issue": Waiting(N_("To issue"), "stamp", N_("Signed documents to issue")),
}


@dataclass(frozen=True)
class Group:
    """A tab of a list: some states under one word."""

    code: str
    text: str
    states: tuple[State, ...]


GROUPS: dict[str, tuple[Group, ...]] = {
    "incoming": (Group("open", N_("Open"), OPEN_INCOMING),),
    "outgoing": (
        Group("drafting", N_("In preparation"), (S.DRAFT, S.IN_REVIEW, S.CONTENT_OK, S.FORMAT_OK)),
        Group("ready", N_("To be issued"), (S.SIGNED, S.NUMBERED, S.SEALED)),
        Group("issued", N_("Issued"), (S.ISSUED, S.RECALLING, S.RECALLED, S.REPLACED)),
    ),
}

FIGURES: dict[str, str] = {
    "delivery": N_("Deliveries behind the figure"),
    "paper": N_("Deliveries with paper in parallel"),
    "on_time": N_("Finished documents behind the figure"),
    "time.total": N_("Processing times behind the figure"),
    "open_late": N_("Open documents past their deadline"),
}
"""What a figure counts, as the heading of the list it opens."""

SENT = ("delivery", "paper")
"""Figures that count deliveries; the others count incoming documents."""

BUCKETS: dict[str, str] = {
    "obligatory": N_("the law asks for it"),
    "optional": N_("not asked for by law"),
    "on_time": N_("in time"),
    "late": N_("late"),
    "no_due": N_("without a deadline"),
    "open_late": N_("still open, late"),
}

COLUMNS: dict[str, str] = {
    "delivery": N_("Class"),
    "paper": N_("Paper"),
    "on_time": N_("Deadline"),
    "time.total": N_("Working hours"),
    "open_late": N_("Deadline"),
}

DAYS: dict[str, str] = {
    "delivery": N_("Issued on"),
    "paper": N_("Issued on"),
    "on_time": N_("Finished on"),
    "time.total": N_("Finished on"),
    "open_late": N_("Was due on"),
}

SANDBOX: dict[str, str] = {
    "sandbox_timeout": "over_limit_seconds",
    "sandbox_memory": "over_limit",
    "sandbox_crashed": "damaged",
    "sandbox_failed": "damaged",
}
"""How the child that opened a file ended -> the verifier's word for it."""
