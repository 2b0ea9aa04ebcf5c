"""One letter's whole life, step by step with checks: the story that the tour tells and the tests run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from eoffice.cli.staff import Staff
from eoffice.core.clock import SteppingClock, local_date
from eoffice.core.desk import scope, system
from eoffice.core.errors import OfficeError
from eoffice.models.exchange import DeliveryEvent
from eoffice.models.work import Job
from eoffice.services import books, drafting, examine, exchange, figures, incoming, ledger, search, statistics
from eoffice.services.drafting import Content
from eoffice.services.incoming import Facts

NOTHING: dict[str, Any] = {"verdict": "", "signatures": [{"level": "", "signer": ""}]}


@dataclass
class Step:
    """One step: its name, how long it took in seconds, and what was checked."""

    name: str
    seconds: float = 0.0
    checks: list[tuple[str, bool]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return all(ok for _, ok in self.checks)


class Journey:
    """From arrival to audit.

    Args:
        staff: the people.
        clock: which the story moves.
        pdf: the document that arrives.
        name: as it was called where it comes from.
        told: called after each step.
    """

    def __init__(
        self,
        staff: Staff,
        clock: SteppingClock,
        pdf: bytes,
        *,
        name: str = "công văn đến.pdf",
        told: Callable[[Step], None] = lambda _step: None,
    ) -> None:
        self.staff = staff
        self.office = staff.office
        self.clock = clock
        self.pdf = pdf
        self.name = name
        self.told = told
        self.steps: list[Step] = []
        self.first_day = local_date(clock.now())
        self.arrived: UUID
        self.answer: UUID
        self.summary: dict[str, Any] = {}

    def run(self) -> list[Step]:
        """Go through all steps; a step that breaks is the last one, with the reason as a failed check."""
        for make in (
            self.arrive,
            self.instruct,
            self.draft,
            self.sign,
            self.issue,
            self.send,
            self.work_there,
            self.measure,
            self.prove,
        ):
            step = Step(make.__name__)
            self.steps.append(step)
            began = time.perf_counter()
            try:
                for check in make():
                    step.checks.append(check)
            except OfficeError as error:
                step.checks.append((f"{error.code}: {error.sentence('en')} {error.facts}", False))
            step.seconds = round(time.perf_counter() - began, 3)
            self.told(step)
            if not step.ok:
                break
        return self.steps

    def _later(self, **span: float) -> None:
        self.clock.step(timedelta(**span))

    def arrive(self) -> Iterator[tuple[str, bool]]:
        """1. A PDF from outside is checked at the door and registered."""
        row = self.staff.arrive("hanh", self.pdf, self.name)
        self.arrived = row.id
        yield "the original is kept byte for byte", self.staff.bytes_of("hanh", row.id, "received") == self.pdf
        yield "the verdict is stored under the file's hash", self._verdict("hanh", row.id, "received") is not None
        self._later(minutes=12)
        facts = Facts(
            code=row.code,
            issued_date=row.issued_date,
            issuer_name=row.issuer_name or "Công ty Cổ phần Cấp nước An Bình",
            subject=row.subject or "Đề nghị hướng dẫn giao nộp hồ sơ, tài liệu lưu trữ",
            kind=row.kind,
        )
        row = self.staff.register("hanh", row.id, facts)
        yield "it has an arrival number", row.arrival_number is not None and row.state == "registered"
        again = self.staff.arrive("hanh", self.pdf, self.name)
        yield "the same bytes again are a hint", again.same_bytes_id == row.id
        self.staff.do("hanh", incoming.refuse, again.id, reason="Đã nhận và vào sổ trước đó")

    def instruct(self) -> Iterator[tuple[str, bool]]:
        """2. The leader instructs, the unit head assigns, the officer starts."""
        self._later(minutes=28)
        order = "Phòng VTLT chủ trì tham mưu văn bản trả lời."
        self.staff.instruct("nam", self.arrived, order, lead="VTLT", days=3, also="CCVC")
        self._later(minutes=15)
        self.staff.assign("son", self.arrived, "tuan")
        self._later(minutes=20)
        self.staff.start("tuan", self.arrived)
        row = self.staff.document("tuan", self.arrived)
        yield "the officer sees it and has begun", row.state == "in_progress"
        yield "it has a deadline in working days", row.due_at is not None and row.due_at > self.clock.now()

    def draft(self) -> Iterator[tuple[str, bool]]:
        """3. The officer answers; content and format are approved; a new version drops the approvals."""
        self._later(hours=1)
        row = self.staff.draft("tuan", self._content("Sở Nội vụ hướng dẫn như sau:"), reply_to=self.arrived)
        self.answer = row.id
        self.staff.do("tuan", drafting.submit, row.id)
        self.staff.do("son", drafting.approve_content, row.id)
        final = self._content("Trả lời văn bản của quý cơ quan, Sở Nội vụ hướng dẫn như sau:")
        self.staff.do("tuan", drafting.revise, row.id, content=final, note="Bổ sung câu dẫn")
        yield "a new version drops the approval", self._refused("nam", "sign")
        self._later(minutes=30)
        self.staff.do("tuan", drafting.submit, row.id)
        self.staff.do("son", drafting.approve_content, row.id)
        self._later(minutes=10)
        self.staff.do("anh", drafting.approve_format, row.id)
        with self.office.read(self.staff.actor("tuan")) as desk:
            yield "every version is kept", [item.number for item in drafting.versions(desk, row.id)] == [1, 2]
        yield "it is approved in both", self.staff.document("nam", row.id).state == "format_ok"

    def _content(self, opening: str) -> Content:
        return Content(
            kind="official_letter",
            subject="V/v hướng dẫn giao nộp hồ sơ, tài liệu vào lưu trữ lịch sử",
            grounds=(
                "Căn cứ Luật Lưu trữ ngày 21 tháng 6 năm 2024",
                "Căn cứ Nghị định số 30/2020/NĐ-CP ngày 05 tháng 3 năm 2020 của Chính phủ về công tác văn thư",
            ),
            paragraphs=(
                opening,
                "1. Hồ sơ, tài liệu giấy được lập mục lục, sắp xếp theo danh mục hồ sơ và giao nộp trước ngày 30 "
                "tháng 11 hằng năm.",
                "2. Hồ sơ, tài liệu điện tử được giao nộp qua Hệ thống, kèm dữ liệu đặc tả và chữ ký số còn hiệu lực.",
                "Trong quá trình thực hiện, nếu có vướng mắc, đề nghị phản ánh về Sở Nội vụ để được hướng dẫn./.",
            ),
            to=(
                self.staff.to("so-tai-chinh"),
                self.staff.to("phuong-tan-an"),
                self.staff.to("cong-ty-nuoc", paper=True, reason="no_electronic_way"),
            ),
            signer=self.staff.province.posts["nam"],
        )

    def _refused(self, login: str, verb: str) -> bool:
        from eoffice.services import issuing

        try:
            self.staff.do(login, getattr(issuing, verb), self.answer)
        except OfficeError as error:
            return error.status in (403, 409, 422)
        return False

    def sign(self) -> Iterator[tuple[str, bool]]:
        """4. The leader unlocks his own key and signs; nobody else can, nor can he without unlocking."""
        yield "without unlocking his key nothing is signed", self._refused("nam", "sign")
        yield "another leader cannot sign in his place", self._refused("ngan", "sign")
        self._later(minutes=45)
        row = self.staff.sign("nam", self.answer)
        draft, signed = (self.staff.bytes_of("nam", row.id, stage) for stage in ("draft", "signed"))
        yield "the draft is the beginning of the signed file", signed.startswith(draft)
        found = self._verdict("nam", row.id, "signed") or NOTHING
        yield "verification says PASSED", found["verdict"] == "PASSED"
        yield "level B-LT: a trusted time and the evidence of status", found["signatures"][0]["level"] == "B-LT"
        yield "the leader's name is in the certificate", found["signatures"][0]["signer"] == "Nguyễn Văn Nam"

    def _verdict(self, login: str, document: UUID, stage: str) -> dict[str, Any] | None:
        with self.office.read(self.staff.actor(login)) as desk:
            file = incoming.main_file(search.document(desk, document), stage)
            stored = examine.verdict_of(desk, file.sha256 if file else "")
        return stored.report if stored else None

    def issue(self) -> Iterator[tuple[str, bool]]:
        """5. The clerk numbers, seals and issues; each deed has its own commit."""
        self._later(minutes=20)
        yield "no seal without a number", self._refused("hanh", "seal")
        row = self.staff.number("hanh", self.answer)
        yield "number, symbol and date are given", row.code.endswith("/SNV-VTLT") and row.issued_date is not None
        yield "nobody but the custodian seals", self._refused("anh", "seal")
        row = self.staff.seal("hanh", self.answer)
        signed, sealed = (self.staff.bytes_of("hanh", row.id, stage) for stage in ("signed", "sealed"))
        yield "the leader's file is the beginning of the sealed file", sealed.startswith(signed)
        found = self._verdict("hanh", row.id, "sealed") or NOTHING
        verdicts = {item["field"]: item["verdict"] for item in found["signatures"]}
        levels = {item["level"] for item in found["signatures"]}
        yield "level B-LT: the file carries the evidence for both signatures", levels == {"B-LT"}
        yield "both signatures are PASSED", verdicts == {"leader": "PASSED", "agency": "PASSED"}
        row = self.staff.issue("hanh", self.answer)
        yield "it is issued", row.state == "issued"
        with self.office.read(self.staff.actor("hanh")) as desk:
            lines = books.find(desk, "outgoing", row.issued_date.year)  # type: ignore[union-attr]
        yield "the outgoing book has its line", [line.number for line in lines] == [row.number]

    def send(self) -> Iterator[tuple[str, bool]]:
        """6. Containers travel, signed receipts come back; the answered document closes by itself."""
        self.staff.work()
        rows = {row.to_name: row for row in self.staff.deliveries("hanh", self.answer)}
        local = [row for row in rows.values() if row.channel == "local"]
        yield "two electronic deliveries, one on paper", (len(local), len(rows)) == (2, 3)
        yield "a verified receipt for each", all(row.receipt_sha256 and row.delivered_at for row in local)
        yield "01 came back by itself", all(row.status_code == "01" for row in local)
        classes = sorted(row.delivery_class for row in rows.values())
        yield "classes are E1, E1 and P", classes == ["E1", "E1", "P"]
        yield "the answered document is done", self.staff.document("nam", self.arrived).state == "done"
        paper = next(row for row in rows.values() if row.channel == "paper")
        self.staff.do("hanh", exchange.post, paper.id, note="Bưu điện tỉnh, 1 bì")
        yield "the paper letter is posted", self.staff.deliveries("hanh", self.answer)[2].state == "posted"

    def work_there(self) -> Iterator[tuple[str, bool]]:
        """6b. The receiving agencies work: one finishes it, one refuses; the sender sees both."""
        self._later(minutes=40)
        theirs = self.staff.received("yen")[-1]
        sealed = self.staff.bytes_of("hanh", self.answer, "sealed")
        yield "the content received is the content sealed", self.staff.bytes_of("yen", theirs.id, "received") == sealed
        yield "its signatures are PASSED there too", theirs.verdict == "PASSED"
        self.staff.register("yen", theirs.id, incoming.facts_of(theirs))
        self.staff.work()
        yield "03 at registering", self._status("Sở Tài chính") == "03"
        self._later(minutes=30)
        self.staff.instruct("dung", theirs.id, "Phòng Ngân sách nghiên cứu, thực hiện.", lead="NS", days=5)
        self.staff.work()
        yield "04 at the instruction", self._status("Sở Tài chính") == "04"
        self._later(hours=1)
        self.staff.assign("cuong", theirs.id, "hoa")
        self.staff.start("hoa", theirs.id)
        self.staff.work()
        yield "05 when the person starts", self._status("Sở Tài chính") == "05"
        self._later(hours=20)
        self.staff.finish("hoa", theirs.id, "Đã thực hiện, không cần trả lời")
        self.staff.work()
        yield "06 when it is finished", self._status("Sở Tài chính") == "06"
        other = self.staff.received("linh")[-1]
        self.staff.do("linh", incoming.refuse, other.id, reason="Không thuộc thẩm quyền của phường")
        self.staff.work()
        refused = next(row for row in self.staff.deliveries("hanh", self.answer) if row.state == "refused")
        yield "a refusal comes with its reason", refused.refusal == "Không thuộc thẩm quyền của phường"
        with self.office.read(self.staff.actor("hanh")) as desk:
            events = desk.session.scalars(scope(desk, DeliveryEvent).order_by(DeliveryEvent.at)).all()
            stuck = [job.key for job in desk.session.query(Job) if job.state != "done"]
        codes = {event.code for event in events if event.kind == "status"}
        yield "all statuses are in the history", codes == {"01", "02", "03", "04", "05", "06"}
        yield "no job is left", not stuck

    def _status(self, name: str) -> str | None:
        found = {row.to_name: row.status_code for row in self.staff.deliveries("hanh", self.answer)}
        return found[name]

    def measure(self) -> Iterator[tuple[str, bool]]:
        """7. The figures follow from the events, and counting anew gives the same."""
        period = statistics.Period(self.first_day, local_date(self.clock.now()))
        with self.office.read(self.staff.actor("mai")) as desk:
            self.summary = statistics.summary(desk, period)
            mine = statistics.summary(desk, period, agency=self.staff.province.agencies["so-noi-vu"])
            drift = statistics.recount(desk)
            behind = figures.behind(desk, figures.Wanted("delivery", period, ("E1",))).rows
        yield "K1 is 2 of 3", (mine["K1"]["numerator"], mine["K1"]["denominator"]) == (2, 3)
        yield "K2 is 0, K3 is 2 of 3", (mine["K2"]["numerator"], mine["K3"]["numerator"]) == (0, 2)
        yield "the figure opens its documents", {row.document for row in behind} == {self.answer}
        yield "K8: done in time", self.summary["K8"]["numerator"] == self.summary["K8"]["denominator"] == 2
        parts = mine["K12"]["parts"]
        total = sum(parts[part]["median_minutes"] for part in ("register", "assign", "handle"))
        yield "K12 is the sum of its parts", mine["K12"]["median_minutes"] == total > 0
        times = mine["K12"]
        yield "the reduction names its baseline", times["reduction"] is not None and bool(times["baseline_source"])
        yield "counted anew it is the same", drift == []

    def prove(self) -> Iterator[tuple[str, bool]]:
        """8. Every agency's ledger verifies."""
        with self.office.read(system(None)) as desk:
            chains = ledger.verify(desk)
        yield "every chain is whole", all(chain.ok for chain in chains)
        yield "every agency has one", len(chains) == 1 + sum(1 for slug in self.staff.names if slug != "cong-ty-nuoc")

    def write(self, out: Path) -> dict[str, str]:
        """Write what a stranger needs to check everything himself; returns name -> file name."""
        out.mkdir(parents=True, exist_ok=True)
        files = {"incoming": "incoming.pdf", "draft": "draft.pdf", "signed": "signed.pdf", "issued": "issued.pdf"}
        (out / "incoming.pdf").write_bytes(self.pdf)
        for name, stage in (("draft", "draft"), ("signed", "signed"), ("issued", "sealed")):
            (out / files[name]).write_bytes(self.staff.bytes_of("hanh", self.answer, stage))
        self.office.trust().save(out / "trust")
        for number, row in enumerate(self.staff.deliveries("hanh", self.answer), start=1):
            if row.receipt_sha256 and row.container_sha256:
                files[f"receipt-{number}"] = f"receipt-{number}.json"
                (out / f"receipt-{number}.json").write_bytes(self.office.files.read(row.receipt_sha256))
                (out / f"container-{number}.asice").write_bytes(self.office.files.read(row.container_sha256))
        files["trust"], files["statistics"] = "trust", "statistics.json"
        (out / "statistics.json").write_text(json.dumps(self.summary, ensure_ascii=False, indent=1), "utf-8")
        return files


def monday_before(day: date, *, days: int) -> date:
    """The Monday at least ``days`` before a day."""
    found = day - timedelta(days=days)
    return found - timedelta(days=found.weekday())


