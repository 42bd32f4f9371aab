"""What a stranger can send to any page, and what it must not do."""

from collections.abc import Iterator

import httpx
import pytest

from tests.serving import Site, served


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("hostile")) as site:
        yield site


@pytest.mark.parametrize("path", ["/%09/sign-in", "/%0A/sign-in", "/%0D%09/enrol"])
def test_no_address_leads_to_another_host(site: Site, path: str) -> None:
    answer = httpx.get(f"{site.url}{path}?lang=nl")
    assert answer.status_code == 303
    assert not answer.headers["location"].startswith("//")
    assert '"//' not in httpx.get(site.url + path).text
