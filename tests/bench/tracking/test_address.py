"""The address of the MLflow store: what cannot be one is refused in one sentence."""

import pytest

from bench.tracking.address import check_reachable, shown
from cellbench.errors import StoreError


@pytest.mark.parametrize("uri", ["http://a..b:80", f"http://{'a' * 64}.de", "postgresql://a..b/runs", "http://h:99999"])
def test_a_host_that_dns_cannot_look_up_is_not_an_address(uri):
    with pytest.raises(StoreError, match="is not an address; write http://HOST:PORT"):
        check_reachable(uri)


def test_a_password_in_an_address_is_refused_before_the_server_is_asked():
    with pytest.raises(StoreError, match="has a user name or password in it") as caught:
        check_reachable("http://me:geheim@127.0.0.1:1")
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://me:geheim/127.0.0.1:1/x",
        "postgresql://me:99999999geheim",
        "postgresql://me:geheim＠127.0.0.1:1/x",
        "postgresql://127.0.0.1:1/x#password=geheim",
        "uc:me:geheim",
        "HTTP://me:geheim%40127.0.0.1:1",
        "sqlite:me:geheim",
    ],
)
def test_no_part_of_a_malformed_address_shows_its_password(uri):
    with pytest.raises(StoreError) as caught:
        check_reachable(uri)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("text", ["password=geheim host=x", "DSN user=me PWD = geheim", "token=geheim"])
def test_passwords_in_the_words_of_a_driver_are_masked(text):
    assert "geheim" not in shown(text)
