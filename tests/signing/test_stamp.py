"""Stamps are pictures of their real size; the test pictures carry the ink and the mark they must."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from signing.errors import Damaged, NotPermitted, OverLimit
from signing.stamp import POINTS_PER_MM, SEAL_MM, Stamp, handwriting, picture, seal


def png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", (width, height), (0, 0, 0, 0)).save(out, "PNG")
    return out.getvalue()


def inks(image: bytes) -> tuple[set[tuple[int, int, int]], float]:
    """Colours of what can be seen, and which part of the picture that is."""
    pixels = list(Image.open(io.BytesIO(image)).convert("RGBA").get_flattened_data())
    seen = [pixel[:3] for pixel in pixels if pixel[3]]
    return set(seen), len(seen) / len(pixels)


def test_a_signature_is_blue_on_a_transparent_ground() -> None:
    colours, part = inks(handwriting("Nguyễn Văn Nam"))
    assert len(colours) == 1
    red, green, blue = colours.pop()
    assert blue > 2 * red
    assert blue > 2 * green
    assert 0.01 < part < 0.25


def test_a_signature_is_its_owner_s() -> None:
    assert handwriting("Nguyễn Văn Nam") == handwriting("Nguyễn Văn Nam")
    assert handwriting("Nguyễn Văn Nam") != handwriting("Nguyễn Văn Nám")


def test_a_seal_is_red_round_and_transparent() -> None:
    image = seal("Sở Nội vụ tỉnh An Bình")
    colours, part = inks(image)
    assert len(colours) == 1
    red, green, blue = colours.pop()
    assert red > 3 * max(green, blue)
    assert 0.05 < part < 0.5
    opened = Image.open(io.BytesIO(image))
    assert opened.width == opened.height
    corners = [opened.getpixel(place)[3] for place in ((0, 0), (opened.width - 1, 0), (0, opened.height - 1))]
    assert corners == [0, 0, 0]


def test_the_seal_says_that_it_is_a_test() -> None:
    marked, other = seal("Sở Nội vụ"), seal("Sở Nội vụ", above="HÀNH CHÍNH")
    upper = [Image.open(io.BytesIO(one)).getchannel("A").crop((0, 0, 480, 150)).tobytes() for one in (marked, other)]
    assert upper[0] != upper[1]


@pytest.mark.parametrize(
    "name", ["A", "Văn phòng Đoàn đại biểu Quốc hội và Hội đồng nhân dân tỉnh An Bình", "Ủy ban " * 12]
)
def test_any_name_fits_into_a_seal(name: str) -> None:
    alpha = Image.open(io.BytesIO(seal(name))).getchannel("A")
    assert alpha.getbbox() is not None


def test_a_seal_has_its_real_size() -> None:
    left, bottom, across, up = Stamp(seal("X"), SEAL_MM, SEAL_MM).box(106, 120)
    assert across == up == pytest.approx(SEAL_MM * POINTS_PER_MM)
    assert (left, bottom) == (pytest.approx((106 - across) / 2), pytest.approx((120 - up) / 2))


def test_a_seal_that_does_not_fit_is_refused_and_not_shrunk() -> None:
    Stamp(png(10, 10), 36, 36).box(102, 102)
    for width, height in ((100, 110), (110, 100), (0, 0)):
        with pytest.raises(NotPermitted, match="stamp_too_large"):
            Stamp(png(10, 10), 36, 36).box(width, height)


@given(st.integers(1, 400), st.integers(1, 400), st.floats(1, 600), st.floats(1, 600))
def test_a_picture_keeps_its_proportions_inside_the_field(wide: int, high: int, width: float, height: float) -> None:
    left, bottom, across, up = Stamp(png(wide, high)).box(width, height)
    assert across / up == pytest.approx(wide / high)
    assert left >= -1e-9
    assert bottom >= -1e-9
    assert left + across <= width + 1e-6
    assert bottom + up <= height + 1e-6
    assert max(across / width, up / height) == pytest.approx(1)


def test_one_side_in_millimetres_gives_the_other() -> None:
    _, _, across, up = Stamp(png(200, 100), width_mm=20).box(500, 500)
    assert (across, up) == (pytest.approx(20 * POINTS_PER_MM), pytest.approx(10 * POINTS_PER_MM))


@pytest.mark.parametrize("raw", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", seal("X")[:2000]])
def test_what_is_no_png_is_refused(raw: bytes) -> None:
    with pytest.raises(Damaged, match="stamp_unreadable"):
        picture(raw)


def test_a_picture_of_enormous_size_is_not_unpacked() -> None:
    with pytest.raises(OverLimit, match="stamp_too_large"):
        picture(png(5000, 1000))
