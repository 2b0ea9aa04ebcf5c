"""The legal texts the office rests on, as dated data: a printout quotes the one valid on its day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_


@dataclass(frozen=True)
class LegalBasis:
    """One legal text.

    Args:
        code: machine word other rules refer to.
        number: as it is cited.
        title_vi, title_en: what it governs.
        valid_from, valid_to: first and last day, both included; None for no end.
        successor: code of the text that took its place, None while it stands.
        confirmed: the first day was read in a source; otherwise it is the day of issue or of the act carried out,
            and is to be confirmed by a lawyer before a printout relies on it.
    """

    code: str
    number: str
    title_vi: str
    title_en: str
    valid_from: date
    valid_to: date | None = None
    successor: str | None = None
    confirmed: bool = True

    def holds(self, on: date) -> bool:
        """Tell whether the text is in force on a day."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)

    @property
    def citation(self) -> str:
        """How the text is cited in Vietnamese."""
        return f"{_FORM[self.code.rstrip('0123456789/')]} {self.number}"


_FORM = {
    "L": "Luật",
    "ND": "Nghị định",
    "QD": "Quyết định",
    "TT": "Thông tư",
    "QCVN": "Quy chuẩn",
}

TEXTS: tuple[LegalBasis, ...] = (
    LegalBasis("ND30/2020", "30/2020/NĐ-CP", "Công tác văn thư", "Clerical work", date(2020, 3, 5)),
    LegalBasis(
        "QD28/2018",
        "28/2018/QĐ-TTg",
        "Gửi, nhận văn bản điện tử giữa các cơ quan trong hệ thống hành chính nhà nước",
        "Sending and receiving electronic documents between agencies",
        date(2018, 9, 6),
    ),
    LegalBasis(
        "QD20/2020",
        "20/2020/QĐ-TTg",
        "Mã định danh điện tử của các cơ quan, tổ chức",
        "Identifiers of agencies and organisations",
        date(2020, 9, 15),
    ),
    LegalBasis(
        "QCVN102/2016",
        "102:2016/BTTTT",
        "Cấu trúc mã định danh và định dạng dữ liệu gói tin phục vụ kết nối hệ thống quản lý văn bản",
        "Structure of identifiers and format of messages between document systems (edXML)",
        date(2016, 4, 1),
        confirmed=False,
    ),
    LegalBasis("L20/2023", "20/2023/QH15", "Luật Giao dịch điện tử", "E-transactions", date(2024, 7, 1)),
    LegalBasis(
        "L20/2026",
        "20/2026/QH16",
        "Sửa đổi, bổ sung Luật Giao dịch điện tử",
        "Amendment of the law on e-transactions",
        date(2027, 3, 1),
    ),
    LegalBasis(
        "ND137/2024",
        "137/2024/NĐ-CP",
        "Giao dịch điện tử của cơ quan nhà nước; chuyển đổi giữa văn bản giấy và văn bản điện tử",
        "E-transactions of state agencies; conversion between paper and electronic documents",
        date(2024, 10, 23),
    ),
    LegalBasis(
        "ND130/2018",
        "130/2018/NĐ-CP",
        "Chữ ký số và dịch vụ chứng thực chữ ký số",
        "Digital signatures and their certification",
        date(2018, 11, 15),
        date(2025, 4, 9),
        "ND23/2025",
        confirmed=False,
    ),
    LegalBasis(
        "ND48/2024",
        "48/2024/NĐ-CP",
        "Sửa đổi quy định về chữ ký số và dịch vụ chứng thực chữ ký số",
        "Amendment on digital signatures and their certification",
        date(2024, 5, 9),
        date(2025, 4, 9),
        "ND23/2025",
        confirmed=False,
    ),
    LegalBasis(
        "ND23/2025",
        "23/2025/NĐ-CP",
        "Chữ ký điện tử và dịch vụ tin cậy",
        "Electronic signatures and trust services",
        date(2025, 4, 10),
    ),
    LegalBasis(
        "ND68/2024",
        "68/2024/NĐ-CP",
        "Chữ ký số chuyên dùng công vụ",
        "Digital signatures for public duties",
        date(2024, 8, 15),
    ),
    LegalBasis(
        "TT22/2020",
        "22/2020/TT-BTTTT",
        "Yêu cầu kỹ thuật đối với phần mềm ký số, phần mềm kiểm tra chữ ký số",
        "Technical requirements of software that signs and verifies",
        date(2020, 9, 7),
        date(2025, 8, 14),
        "TT15/2025",
        confirmed=False,
    ),
    LegalBasis(
        "TT15/2025",
        "15/2025/TT-BKHCN",
        "Yêu cầu kỹ thuật đối với phần mềm ký số, phần mềm kiểm tra chữ ký số",
        "Technical requirements of software that signs and verifies",
        date(2025, 8, 15),
        confirmed=False,
    ),
    LegalBasis(
        "TT41/2017",
        "41/2017/TT-BTTTT",
        "Sử dụng chữ ký số cho văn bản điện tử trong cơ quan nhà nước",
        "Use of digital signatures in documents of state agencies",
        date(2017, 12, 19),
        date(2026, 11, 14),
        "TT59/2026",
        confirmed=False,
    ),
    LegalBasis(
        "TT59/2026",
        "59/2026/TT-BKHCN",
        "Bãi bỏ quy định về sử dụng chữ ký số cho văn bản điện tử trong cơ quan nhà nước",
        "Repeal of the rules on the use of digital signatures in documents of state agencies",
        date(2026, 11, 15),
    ),
    LegalBasis("L33/2024", "33/2024/QH15", "Luật Lưu trữ", "Archives", date(2025, 7, 1)),
    LegalBasis(
        "ND113/2025",
        "113/2025/NĐ-CP",
        "Quy định chi tiết một số điều của Luật Lưu trữ",
        "Details of the law on archives",
        date(2025, 7, 1),
        confirmed=False,
    ),
    LegalBasis(
        "TT02/2019",
        "02/2019/TT-BNV",
        "Tiêu chuẩn dữ liệu thông tin đầu vào và yêu cầu bảo quản tài liệu lưu trữ điện tử",
        "Input data and preservation of electronic archives",
        date(2019, 1, 24),
        date(2025, 6, 30),
        "TT05/2025",
        confirmed=False,
    ),
    LegalBasis(
        "TT05/2025",
        "05/2025/TT-BNV",
        "Nghiệp vụ lưu trữ tài liệu lưu trữ số",
        "Keeping of digital archives",
        date(2025, 7, 1),
    ),
    LegalBasis(
        "TT06/2025",
        "06/2025/TT-BNV",
        "Nghiệp vụ lưu trữ",
        "Archival work",
        date(2025, 7, 1),
        confirmed=False,
    ),
    LegalBasis(
        "QCVN12/2026",
        "12:2026/BCA",
        "An ninh mạng đối với hệ thống lưu trữ tài liệu điện tử",
        "Security of systems that store electronic documents",
        date(2026, 7, 1),
    ),
    LegalBasis("L148/2025", "148/2025/QH15", "Luật Chuyển đổi số", "Digital transformation", date(2026, 7, 1)),
    LegalBasis(
        "ND42/2022",
        "42/2022/NĐ-CP",
        "Cung cấp thông tin và dịch vụ công trực tuyến trên môi trường mạng",
        "Information and public services online",
        date(2022, 8, 15),
        date(2026, 6, 30),
        "ND224/2026",
        confirmed=False,
    ),
    LegalBasis(
        "ND224/2026",
        "224/2026/NĐ-CP",
        "Quy định chi tiết thi hành Luật Chuyển đổi số; dịch vụ công trực tuyến",
        "Details of the law on digital transformation; public services online",
        date(2026, 7, 1),
    ),
    LegalBasis(
        "ND61/2018",
        "61/2018/NĐ-CP",
        "Cơ chế một cửa, một cửa liên thông",
        "One-stop shop",
        date(2018, 6, 21),
        date(2025, 6, 30),
        "ND118/2025",
        confirmed=False,
    ),
    LegalBasis(
        "ND118/2025",
        "118/2025/NĐ-CP",
        "Thủ tục hành chính theo cơ chế một cửa, một cửa liên thông",
        "One-stop shop",
        date(2025, 7, 1),
    ),
    LegalBasis(
        "ND367/2025",
        "367/2025/NĐ-CP",
        "Sửa đổi quy định về cơ chế một cửa, một cửa liên thông",
        "Amendment on the one-stop shop",
        date(2025, 12, 31),
        confirmed=False,
    ),
    LegalBasis(
        "L02/2011", "02/2011/QH13", "Luật Khiếu nại", "Complaints", date(2012, 7, 1), confirmed=False
    ),
    LegalBasis(
        "L136/2025",
        "136/2025/QH15",
        "Sửa đổi, bổ sung Luật Khiếu nại",
        "Amendment of the law on complaints",
        date(2026, 7, 1),
    ),
    LegalBasis(
        "ND124/2020",
        "124/2020/NĐ-CP",
        "Quy định chi tiết thi hành Luật Khiếu nại",
        "Details of the law on complaints",
        date(2020, 12, 10),
        confirmed=False,
    ),
    LegalBasis(
        "ND155/2026",
        "155/2026/NĐ-CP",
        "Sửa đổi quy định chi tiết thi hành Luật Khiếu nại",
        "Amendment of the details of the law on complaints",
        date(2026, 7, 1),
    ),
    LegalBasis("L117/2025", "117/2025/QH15", "Luật Bảo vệ bí mật nhà nước", "State secrets", date(2026, 3, 1)),
    LegalBasis(
        "ND63/2026",
        "63/2026/NĐ-CP",
        "Quy định chi tiết Luật Bảo vệ bí mật nhà nước",
        "Details of the law on state secrets",
        date(2026, 3, 1),
    ),
    LegalBasis(
        "ND331/2026",
        "331/2026/NĐ-CP",
        "Bảo đảm an ninh hệ thống thông tin theo cấp độ",
        "Security levels of information systems",
        date(2026, 8, 19),
    ),
    LegalBasis("ND341/2026", "341/2026/NĐ-CP", "Mật mã dân sự", "Civil cryptography", date(2026, 9, 1)),
    LegalBasis("L91/2025", "91/2025/QH15", "Luật Bảo vệ dữ liệu cá nhân", "Personal data", date(2026, 1, 1)),
    LegalBasis(
        "ND356/2025",
        "356/2025/NĐ-CP",
        "Quy định chi tiết Luật Bảo vệ dữ liệu cá nhân",
        "Details of the law on personal data",
        date(2026, 1, 1),
    ),
    LegalBasis(
        "ND191/2026",
        "191/2026/NĐ-CP",
        "Quy chế làm việc của Chính phủ",
        "Working rules of the Government",
        date(2026, 5, 29),
        confirmed=False,
    ),
)

_BY_CODE = {text.code: text for text in TEXTS}


def text(code: str) -> LegalBasis:
    """Return a text by its code, in force or not.

    Raises:
        InvalidInput: ``basis_unknown``.
    """
    try:
        return _BY_CODE[code]
    except KeyError:
        raise InvalidInput("basis_unknown", given=code) from None


def basis(code: str, on: date) -> LegalBasis:
    """Return the text to be quoted on a day for a matter: the one with this code, or the successor then in force.

    Args:
        code: of the text a rule was written for.
        on: the day of the printout or the deed.

    Raises:
        InvalidInput: ``basis_unknown`` for the code, ``basis_not_in_force`` when none of the line holds on the day.
    """
    candidate: LegalBasis | None = text(code)
    while candidate is not None:
        if candidate.holds(on):
            return candidate
        candidate = text(candidate.successor) if candidate.successor else None
    raise InvalidInput(
        "basis_not_in_force",
        N_("The legal text {number} and its successors are not in force on this day. Nothing was changed."),
        number=text(code).number,
    )


def in_force(on: date) -> tuple[LegalBasis, ...]:
    """Return all texts in force on a day, in the order of the table."""
    return tuple(candidate for candidate in TEXTS if candidate.holds(on))
