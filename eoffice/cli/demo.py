"""The small demo: three months of the province's work, done by the real verbs on a stepping clock.

Neither a ratio nor an hour is written anywhere: letters come at some hour, people take them up when they get to it,
and every figure follows from what then happened.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from eoffice.cli.province import DEMO_PASSWORD, Province, found, plan
from eoffice.cli.staff import Staff, key_agent
from eoffice.core.calendar import WorkingCalendar
from eoffice.core.clock import VIETNAM, SteppingClock, local_date
from eoffice.core.desk import system
from eoffice.formats.letter import Kind, Letter, incoming_letter, render_scan
from eoffice.services import accounts, directory, drafting, incoming, routing
from eoffice.services.drafting import Content
from eoffice.services.incoming import Facts
from eoffice.services.office import Office

SPAN = timedelta(days=91)
RENEWAL = timedelta(days=14)
LETTERS, ANSWERS = 36, 12
"""How many letters come from outside, and how many documents the agencies issue to one another."""
LETTERS_OPEN = {
    "so-noi-vu": ("late", "started", "given", "assigned", "submitted", "submitted", "registered", *["arrived"] * 3),
    None: ("late", "given", "submitted", "arrived"),
}
MATTERS_OPEN = {
    "so-noi-vu": ("sent_back", "signed", "signed", *["format_ok"] * 4, "content_ok", "in_review", "draft"),
    None: ("signed", "format_ok", "in_review"),
}
"""How far the last letters and drafts of an agency (None: of each other one) have come, so that each desk has
something on it when the demo opens."""

GROUND = "Căn cứ Nghị định số 30/2020/NĐ-CP ngày 05 tháng 3 năm 2020 của Chính phủ về công tác văn thư"

TEAMS = {
    "so-noi-vu": ("hanh", "nam", "VTLT", "son", "tuan", "anh"),
    "so-tai-chinh": ("yen", "dung", "NS", "cuong", "hoa", "yen"),
    "ubnd-tinh": ("thu", "quang", "TH", "thanh", "nga", "thu"),
    "phuong-tan-an": ("linh", "long", "VHXH", "duc", "hang", "linh"),
    "xa-phu-thinh": ("trang", "binh", "KT", "phuc", "loi", "trang"),
}
"""Agency -> clerk, leader, lead unit, its head, the officer who does the work, who checks the format."""


def load_demo(office: Office) -> Iterator[str]:
    """Found the province and let it work until now; yields a line of progress now and then.

    Args:
        office: on an empty, migrated database; its own clock is the system's and stays so.
    """
    now = office.clock.now()
    first = datetime.combine(local_date(now - SPAN), time(8, 0), VIETNAM).astimezone(UTC)
    clock = SteppingClock(first)
    working = Office(office.settings, clock)
    try:
        yield "founding the province An Bình ..."
        province = found(working, plan(), password_hash=accounts.hash_password(DEMO_PASSWORD))
        yield "three months of work ..."
        with key_agent(working):
            own_time_stamps(working)
            history = History(working, province, clock, until=now)
            history.run()
        yield f"{history.letters} letters came from outside, {history.issued} documents were issued"
    finally:
        working.close()


def own_time_stamps(office: Office) -> None:
    """Let the test time-stamp authority stamp the office clock's time, so that history can be signed."""
    from signing.pki import Pki
    from signing.tsa import LocalTsa

    tsa = LocalTsa(Pki.load(office.settings.pki).key("tsa"), office.clock.now)
    office.tsa = lambda: tsa


class History:
    """A diary of what happens next; each entry may write further ones.

    Args:
        until: nothing happens after this moment.
        seed: the same seed gives the same three months.
    """

    def __init__(
        self, office: Office, province: Province, clock: SteppingClock, *, until: datetime, seed: int = 2026
    ) -> None:
        self.office = office
        self.clock = clock
        self.until = until
        self.staff = Staff(office, province, label="demo")
        self.random = random.Random(seed)  # noqa: S311 - nothing secret
        self.plan = plan()
        self.letters = self.issued = 0
        self._diary: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        with office.read(system(province.agencies["so-noi-vu"])) as desk:
            self.calendar: WorkingCalendar = directory.calendar(desk)

    def run(self) -> None:
        """Live through the diary."""
        self._write_down_arrivals()
        self._at(self.clock.now() + RENEWAL, self._renew)
        while self._diary and self._diary[0][0] <= self.until:
            at, _, act = heapq.heappop(self._diary)
            if at > self.clock.now():
                self.clock.set(at)
            act()
            self.staff.work()

    def _renew(self) -> None:
        """The test authority publishes its revocation lists anew, as a real one would."""
        from signing.pki import Pki

        Pki.load(self.office.settings.pki).renew_crls(at=self.clock.now())
        self._at(self.clock.now() + RENEWAL, self._renew)

    def _at(self, at: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self._diary, (at, next(self._order), act))

    def _after(self, low: int, high: int, act: Callable[[], None]) -> None:
        """Some working minutes from now."""
        self._at(self.calendar.add_working_minutes(self.clock.now(), self.random.randint(low, high)), act)

    def _write_down_arrivals(self) -> None:
        start = self.clock.now()
        minutes = self.calendar.working_minutes_between(start, self.until)
        slugs = list(TEAMS)
        for index in range(LETTERS):
            left = minutes * index // (LETTERS - 6) if index < LETTERS - 6 else minutes - 240 * (LETTERS - index)
            at = self.calendar.add_working_minutes(start, max(0, left + self.random.randint(0, 45)))
            self._at(at, self._letter(slugs[index % len(slugs)], index))
        for index in range(ANSWERS):
            left = minutes * (index + 1) // (ANSWERS + 1) - self.random.randint(200, 400)
            at = self.calendar.add_working_minutes(start, max(0, left))
            self._at(at, self._own_matter(slugs[index % len(slugs)], index))
        index = LETTERS
        for slug in slugs:
            for stop in LETTERS_OPEN.get(slug, LETTERS_OPEN[None]):
                before = {"late": 2400, "arrived": 150}.get(stop, 620) - index % 7 * 17
                at = self.calendar.add_working_minutes(start, minutes - before)
                self._at(at, self._letter(slug, index, stop=stop))
                index += 1
            for stop in MATTERS_OPEN.get(slug, MATTERS_OPEN[None]):
                at = self.calendar.add_working_minutes(start, minutes - 700 + index % 7 * 13)
                self._at(at, self._own_matter(slug, index, stop=stop))
                index += 1

    # what comes from outside

    def _letter(self, slug: str, index: int, *, stop: str = "") -> Callable[[], None]:
        def arrive() -> None:
            clerk = TEAMS[slug][0]
            source = self.plan["outside"][index % len(self.plan["outside"])]
            subject = self.plan["subject"][(index * 3 + index // 8) % len(self.plan["subject"])]
            letter = self._paper(source, subject, self.staff.names[slug])
            day = local_date(self.clock.now()) - timedelta(days=self.random.randint(1, 4))
            number = str(100 + index * 7)
            if index == 17:
                from dataclasses import replace

                pdf, channel = render_scan(replace(letter, number=number, issued=day)), "post"
            else:
                pdf, channel = incoming_letter(letter, number=number, issued=day), ("hand", "email", "post")[index % 3]
            row = self.staff.arrive(clerk, pdf, f"{number}-{source['symbol']}.pdf", channel=channel)
            self.letters += 1
            facts = Facts(
                code=f"{number}/{source['symbol']}",
                issued_date=day,
                issuer_name=source["name"],
                subject=subject["incoming"],
                signer_name=source["signer"],
                urgency="urgent" if index % 11 == 5 else "normal",
            )
            if stop != "arrived":
                self._after(5, 50, lambda: self._register(slug, row.id, facts, stop=stop))

        return arrive

    def _paper(self, source: dict[str, str], subject: dict[str, Any], addressee: str) -> Letter:
        return Letter(
            agency=source["name"],
            place=source["place"],
            kind=Kind("official_letter", "Công văn"),
            symbol=source["symbol"],
            subject=subject["incoming"],
            recipients=(addressee,),
            paragraphs=tuple(subject["body"]),
            capacity=("GIÁM ĐỐC",),
            signer=source["signer"],
            noi_nhan=("Như trên", "Lưu: VT"),
        )

    def _register(self, slug: str, document: UUID, facts: Facts, *, stop: str = "") -> None:
        """The clerk registers; then everybody does his part, up to where the document is to stay."""
        clerk, leader, unit, head, officer, _checker = TEAMS[slug]
        days = 1 if stop == "late" else self.random.choice((2, 3, 5, None))
        order = "Chủ trì, tham mưu giải quyết theo quy định."

        def forward() -> None:
            self.staff.do(clerk, routing.forward, document, to=self.staff.province.posts[leader])

        def instruct() -> None:
            self.staff.instruct(leader, document, order, lead=unit, days=days)

        def assign() -> None:
            self.staff.assign(head, document, officer)

        def start() -> None:
            self.staff.start(officer, document)
            if stop:
                return
            slow = self.random.random() < 0.15  # somebody is away, or the matter is not simple
            self._after(900, 2400, finish) if slow else self._after(30, 300, finish)

        def finish() -> None:
            self.staff.finish(officer, document, "Đã giải quyết, không cần văn bản trả lời")

        self.staff.register(clerk, document, facts)
        steps = [("submitted", 5, 20, forward), ("assigned", 10, 80, instruct), ("given", 5, 60, assign)]
        self._chain([*steps, ("started", 5, 40, start)], "registered", stop)

    def _chain(self, steps: list[tuple[str, int, int, Callable[[], None]]], reached: str, stop: str) -> None:
        """Do one step after the other, each some working minutes after the one before, until ``stop`` is reached."""
        if reached == stop or not steps:
            return
        (name, low, high, act), *rest = steps

        def do() -> None:
            act()
            self._chain(rest, name, stop)

        self._after(low, high, do)

    # what the agencies write to one another

    def _own_matter(self, slug: str, index: int, *, stop: str = "") -> Callable[[], None]:
        clerk, leader, _unit, head, officer, checker = TEAMS[slug]
        others = [name for name in TEAMS if name != slug]
        first, second = others[index % len(others)], others[(index + 1) % len(others)]
        subject = self.plan["subject"][index % len(self.plan["subject"])]
        drafted: list[UUID] = []

        def draft() -> None:
            to = [self.staff.to(first), self.staff.to(second)]
            if index % 4 == 1:
                to[1] = self.staff.to(second, paper=True, reason="province_list")
            if index % 5 == 2:
                to.append(self.staff.to("cong-ty-nuoc", paper=True, reason="no_electronic_way"))
            basis = "collective" if slug in ("ubnd-tinh", "phuong-tan-an", "xa-phu-thinh") else "head"
            content = Content(
                kind="official_letter",
                subject=subject["answer"],
                grounds=(GROUND,),
                paragraphs=(
                    f"{self.staff.names[slug]} đề nghị các cơ quan, đơn vị phối hợp thực hiện một số nội dung sau:",
                    "1. Phân công đầu mối theo dõi, cập nhật kết quả trên Hệ thống.",
                    "2. Báo cáo kết quả thực hiện bằng văn bản điện tử có chữ ký số, không gửi kèm bản giấy.",
                    "Trong quá trình thực hiện, nếu có vướng mắc, đề nghị phản ánh để được hướng dẫn./.",
                ),
                to=tuple(to),
                signer=self.staff.province.posts[leader],
                basis=basis,
            )
            drafted.append(self.staff.draft(officer, content).id)
            steps = [("in_review", 1, 10, submit), ("content_ok", 30, 200, approve), ("format_ok", 10, 90, check)]
            if stop == "sent_back":
                steps[1:] = [("sent_back", 30, 90, send_back)]
            self._chain([*steps, ("signed", 20, 180, sign), ("issued", 10, 90, issue)], "draft", stop)

        def submit() -> None:
            self.staff.do(officer, drafting.submit, drafted[0])

        def send_back() -> None:
            reason = "Đề nghị bổ sung thời hạn báo cáo và đầu mối liên hệ tại mục 1."
            self.staff.do(head, drafting.send_back, drafted[0], reason=reason)

        def approve() -> None:
            self.staff.do(head, drafting.approve_content, drafted[0])

        def check() -> None:
            self.staff.do(checker, drafting.approve_format, drafted[0])

        def sign() -> None:
            self.staff.sign(leader, drafted[0])

        def issue() -> None:
            self.staff.number(clerk, drafted[0])
            self.staff.seal(clerk, drafted[0])
            self.staff.issue(clerk, drafted[0])
            self.issued += 1
            self.staff.work()
            if index == 2:
                self._after(5, 30, forged)
            for name in (first, second):
                self._after(15, 200, self._theirs(name, index))

        def forged() -> None:
            """Somebody changes an issued document and sends it on by mail."""
            data = forge(self.staff.bytes_of(clerk, drafted[0], "sealed"))
            self.staff.arrive(TEAMS[second][0], data, "ban-sao-cong-van.pdf", channel="email")

        return draft

    def _theirs(self, slug: str, index: int) -> Callable[[], None]:
        def take() -> None:
            clerk = TEAMS[slug][0]
            waiting = [row for row in self.staff.received(clerk) if row.state == "arrived"]
            if not waiting:
                return
            row = waiting[0]
            if index == 7:
                self.staff.do(clerk, incoming.refuse, row.id, reason="Không thuộc chức năng, nhiệm vụ của cơ quan")
                return
            self._register(slug, row.id, incoming.facts_of(row))

        return take


def forge(data: bytes) -> bytes:
    """Put another sentence over page 1 of a signed file in a later revision, as a forger would."""
    import io

    from pikepdf import Dictionary, Name, Pdf

    with Pdf.open(io.BytesIO(data)) as pdf:
        font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
        page = pdf.pages[0]
        page.obj.Resources.Font = Dictionary({**dict(page.obj.Resources.get("/Font", {})), "/Forged": font})
        page.contents_add(b"q BT /Forged 14 Tf 90 420 Td (Han chot: 30/12) Tj ET Q")
        out = io.BytesIO()
        pdf.save(out)
    return out.getvalue()
