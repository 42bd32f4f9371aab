"""What a phone loads first: little, from this server alone."""

from playwright.sync_api import Page, Response

from tests.serving import Site

BYTES_MAX = 100_000


def test_the_first_page_and_all_it_needs_are_less_than_100_kilobytes(
    phone: Page, site: Site
) -> None:
    answers: list[Response] = []

    def keep(answer: Response) -> None:
        answers.append(answer)

    phone.on("response", keep)
    phone.goto(site.url + "/", wait_until="networkidle")
    sizes = {one.url: one.request.sizes()["responseBodySize"] for one in answers}
    assert any(url.endswith(".css") for url in sizes)
    assert any(url.endswith(".js") for url in sizes)
    assert all(url.startswith(site.url) for url in sizes)
    assert 0 < sum(sizes.values()) < BYTES_MAX, sizes


def test_packed_files_are_what_they_were(phone: Page, site: Site) -> None:
    answer = phone.goto(site.url + "/")
    assert answer is not None
    with phone.expect_response("**/css/main.css") as packed:
        phone.reload()
    assert packed.value.headers["content-encoding"] == "gzip"
    plain = phone.request.get(packed.value.url, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.body() == packed.value.body()
