"""Letters for the tests: one official letter, one decision, and any letter at all."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from eoffice.formats.letter import CIRCULATION, URGENCY, Kind, Letter

OFFICIAL = Letter(
    parent="UBND tỉnh An Bình",
    agency="Sở Nội vụ",
    place="An Bình",
    kind=Kind("official_letter", "Công văn"),
    symbol="SNV-VTLT",
    subject="dự toán kinh phí số hóa hồ sơ, tài liệu lưu trữ năm 2027",
    recipients=("Sở Tài chính tỉnh An Bình",),
    paragraphs=(
        "Phúc đáp Công văn số 2914/STC-HCSN ngày 23 tháng 11 năm 2026 của Sở Tài chính về việc lập dự toán kinh phí "
        "số hóa hồ sơ, tài liệu lưu trữ năm 2027, Sở Nội vụ có ý kiến như sau:",
        "1. Khối lượng tài liệu đã chỉnh lý, chưa số hóa tính đến ngày 31 tháng 10 năm 2026 là 1.842 hồ sơ.",
        "2. Gửi báo cáo **trước ngày 04 tháng 12 năm 2026** bằng văn bản điện tử.",
        "Kính đề nghị Sở Tài chính tổng hợp, trình Ủy ban nhân dân tỉnh xem xét, quyết định./.",
    ),
    capacity=("Giám đốc",),
    signer="Nguyễn Văn Nam",
    noi_nhan=("Như trên", "UBND tỉnh (để b/c)", "Giám đốc, các Phó Giám đốc Sở", "Lưu: VT, VTLT"),
    drafter="LMT",
    test=True,
)

DECISION = replace(
    OFFICIAL,
    kind=Kind("decision", "Quyết định", "QĐ"),
    symbol="QĐ-SNV",
    subject="về việc thành lập Đoàn kiểm tra công tác văn thư, lưu trữ và văn bản điện tử quý IV năm 2026",
    recipients=(),
    authority="Giám đốc Sở Nội vụ",
    grounds=(
        "Căn cứ Luật Lưu trữ ngày 21 tháng 6 năm 2024;",
        "Căn cứ Nghị định số 30/2020/NĐ-CP ngày 05 tháng 3 năm 2020 của Chính phủ về công tác văn thư",
        "Theo đề nghị của Trưởng phòng Phòng Văn thư, lưu trữ.",
    ),
    paragraphs=(
        "Điều 1. Thành lập Đoàn kiểm tra gồm 07 thành viên do bà Trần Thị Hạnh làm Trưởng đoàn.",
        "Điều 2. Quyết định này có hiệu lực kể từ ngày ký./.",
    ),
    capacity=("KT. Giám đốc", "Phó Giám đốc"),
    signer="Hoàng Thị Bích Liên",
)

SYLLABLES = str.split(
    "ủy ban nhân dân tỉnh an bình sở nội vụ kế hoạch triển khai thực hiện nghị quyết hội đồng quản lý dự án đầu tư xây "
    "dựng công trình giao thông đường thủy bộ trưởng phòng chống thiên tai giáo dục đào tạo khoa học nghiêng ngả khuỷu "
    "thưởng phượng hoằng ngoẵng quỵt rượu bưởi đẫm giữ gìn kỹ nghệ ỷ lại 2026 12/2025 (khoản 3) QĐ-UBND"
)

phrases = st.lists(st.sampled_from(SYLLABLES), min_size=1, max_size=12).map(" ".join)
paragraphs = st.lists(st.sampled_from(SYLLABLES), min_size=1, max_size=160).map(" ".join)
words = st.text(max_size=60)

letters = st.builds(
    Letter,
    parent=st.one_of(st.just(""), phrases),
    agency=phrases,
    place=st.sampled_from(["An Bình", "Thành phố Hồ Chí Minh", "Hà Nội"]),
    kind=st.sampled_from(
        [OFFICIAL.kind, DECISION.kind, Kind("report", "Báo cáo", "BC"), Kind("public_letter", "Thư công")]
    ),
    symbol=st.sampled_from(["SNV-VTLT", "QĐ-UBND", "BC-BQLDAĐTXDCTGT", ""]),
    subject=phrases,
    paragraphs=st.lists(paragraphs, max_size=30).map(tuple),
    capacity=st.lists(phrases, min_size=1, max_size=3).map(tuple),
    signer=phrases,
    recipients=st.lists(phrases, max_size=6).map(tuple),
    grounds=st.lists(paragraphs, max_size=3).map(tuple),
    noi_nhan=st.lists(phrases, max_size=15).map(tuple),
    drafter=st.sampled_from(["", "LMT"]),
    urgency=st.sampled_from(sorted(URGENCY)),
    circulation=st.sampled_from(sorted(CIRCULATION)),
    contact=st.lists(phrases, max_size=2).map(tuple),
    test=st.booleans(),
)
