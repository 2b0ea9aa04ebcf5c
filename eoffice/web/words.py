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
    "draft.composed": N_("{who} wrote the draft"),
    "draft.revised": N_("{who} wrote version {version} of the draft"),
    "draft.submitted": N_("{who} submitted the draft for review"),
    "draft.sent_back": N_("{who} sent the draft back: {note}"),
    "draft.content_approved": N_("{who} approved the content"),
    "draft.format_approved": N_("{who} approved the format"),
    "document.signed": N_("{who} signed it"),
    "document.paper_chosen": N_("{who} chose who gets paper too"),
    "document.numbered": N_("{who} gave it number {number}"),
    "document.sealed": N_("{who} set the agency's signature"),
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
}
"""Ledger words as sentences; the facts come from what the deed noted."""

OTHER_DEED = N_("{who} did something to it")

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
    "sent_back": Waiting(N_("Sent back"), "undo-2", N_("Drafts that were sent back")),
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

SANDBOX: dict[str, str] = {
    "sandbox_timeout": "over_limit_seconds",
    "sandbox_memory": "over_limit",
    "sandbox_crashed": "damaged",
    "sandbox_failed": "damaged",
}
"""How the child that opened a file ended -> the verifier's word for it."""
