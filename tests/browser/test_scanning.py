"""QR codes by camera and by photo, in a real browser, with a real code on a film."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import segno
from playwright.sync_api import Page, expect

from crypto.code import GRANT, encode_code
from crypto.secret import Secret
from tests.browser.conftest import NewContext
from tests.browser.little import LittleSite, little_site
from tests.browser.watching import Watch
from tests.programs import missing
from web.vendor import FILES

CODE = encode_code(GRANT, Secret(bytes(range(20))))
STATES = (
    "starting", "looking", "found", "stopped", "denied", "no-camera", "no-reader", "not-a-code",
    "nothing-in-photo",
)  # fmt: skip
TEXTS = "".join(f'<p data-text="{state}">It is {state}.</p>' for state in STATES)
FILES_OF_OTHERS = 'data-reader="/vendor/zxing_reader.js" data-wasm="/vendor/zxing_reader.wasm"'
BODY = f"""<main><h1>Scan</h1><section id="scan" {{}}>
<button type="button" data-scan="start">Camera</button>
<button type="button" data-scan="stop" hidden>Stop</button>
<video data-scan="video" muted playsinline hidden></video>
<label>A photo<input type="file" data-scan="photo" accept="image/*"></label>
<p role="status" data-scan="status"></p>
<template data-scan-texts>{TEXTS}</template></section><p id="code"></p></main>"""
SCRIPT = """import { scan } from "/js/qrscan.js";
window.tracks = [];
const got = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await got(wanted);
  window.tracks.push(...stream.getTracks());
  return stream;
};
scan(document.querySelector("#scan"), (code) => {
  document.querySelector("#code").textContent += code;
});"""
NATIVE = """window.BarcodeDetector = class {
  static async getSupportedFormats() { return ["qr_code"]; }
  async detect(picture) { return picture.width ? [{ rawValue: "VG1" + "0".repeat(34) }] : []; }
};
"""


@pytest.fixture(scope="module")
def little() -> Iterator[LittleSite]:
    for file in FILES.values():
        if not file.is_file():
            missing("no zxing-wasm: make test installs it where npm can be reached")
    with little_site() as site:
        site.page("scan", BODY.format(FILES_OF_OTHERS), script=SCRIPT)
        site.page("native", BODY.format(""), script=NATIVE + SCRIPT)
        site.page("alone", BODY.format(""), script=SCRIPT)
        yield site


def text(site: LittleSite, code: str = CODE) -> str:
    return f"{site.url.upper()}/S#{code}"


def start(page: Page) -> None:
    page.get_by_role("button", name="Camera").click()


def says(page: Page, state: str) -> None:
    expect(page.get_by_role("status")).to_have_text(f"It is {state}.")


def test_a_code_before_the_camera_is_read_and_the_camera_is_off_again(
    desk_with_camera: Callable[..., Page], little: LittleSite, watch: Watch
) -> None:
    page = desk_with_camera(text(little), little.url)
    page.goto(f"{little.url}/scan.html")
    start(page)
    expect(page.locator("#code")).to_have_text(CODE)
    says(page, "found")
    expect(page.locator("video")).to_be_hidden()
    assert page.evaluate("() => window.tracks.map((track) => track.readyState)") == ["ended"]
    assert CODE not in watch.sent()


def test_nothing_is_asked_of_camera_or_server_before_somebody_taps(
    desk: Page, little: LittleSite
) -> None:
    little.asked.clear()
    desk.goto(f"{little.url}/scan.html")
    expect(desk.get_by_role("button", name="Camera")).to_be_visible()
    assert not [path for path in little.asked if "vendor" in path or "worker" in path]


def test_a_code_of_another_address_is_said_and_not_handed_on(
    desk_with_camera: Callable[..., Page], little: LittleSite, watch: Watch
) -> None:
    page = desk_with_camera(f"HTTPS://OTHER.EXAMPLE/S#{CODE}", little.url)
    page.goto(f"{little.url}/scan.html")
    start(page)
    says(page, "not-a-code")
    page.get_by_role("button", name="Stop").click()
    says(page, "stopped")
    expect(page.locator("#code")).to_be_empty()
    assert CODE not in watch.sent()


def test_without_leave_for_the_camera_the_page_says_so(
    desk_with_camera: Callable[..., Page], little: LittleSite
) -> None:
    page = desk_with_camera(text(little))
    page.goto(f"{little.url}/scan.html")
    start(page)
    says(page, "denied")
    expect(page.get_by_role("button", name="Camera")).to_be_focused()


def test_without_a_camera_the_page_says_so(new_context: NewContext, little: LittleSite) -> None:
    context = new_context()
    context.grant_permissions(["camera"], origin=little.url)
    page = context.new_page()
    page.goto(f"{little.url}/scan.html")
    start(page)
    says(page, "no-camera")


def test_a_photo_of_a_code_is_read(desk: Page, little: LittleSite, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    segno.make_qr(text(little)).save(str(photo), scale=30, border=4)  # larger than is looked at
    desk.goto(f"{little.url}/scan.html")
    desk.get_by_label("A photo").set_input_files(photo)
    expect(desk.locator("#code")).to_have_text(CODE)


def test_a_photo_of_something_else_is_said(desk: Page, little: LittleSite, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    desk.goto(f"{little.url}/scan.html")
    segno.make_qr("a bus ticket").save(str(photo), scale=5)
    desk.get_by_label("A photo").set_input_files(photo)
    says(desk, "not-a-code")
    photo.write_bytes(b"no picture")
    desk.get_by_label("A photo").set_input_files(photo)
    says(desk, "nothing-in-photo")


def test_a_browser_that_reads_codes_itself_fetches_nothing(
    desk_with_camera: Callable[..., Page], little: LittleSite
) -> None:
    page = desk_with_camera("anything", little.url)
    little.asked.clear()
    page.goto(f"{little.url}/native.html")
    start(page)
    expect(page.locator("#code")).to_have_text("VG1" + "0" * 34)
    assert not [path for path in little.asked if "worker" in path]


def test_without_the_files_of_others_the_page_says_so(
    desk_with_camera: Callable[..., Page], little: LittleSite
) -> None:
    page = desk_with_camera(text(little), little.url)
    page.goto(f"{little.url}/alone.html")
    start(page)
    says(page, "no-reader")
    expect(page.locator("video")).to_be_hidden()
