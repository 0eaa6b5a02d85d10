"""The address of the MLflow store: what cannot be one is refused in one sentence."""

import pytest

from bench.tracking.address import check_reachable
from cellbench.errors import StoreError


@pytest.mark.parametrize("uri", ["http://a..b:80", f"http://{'a' * 64}.de", "postgresql://a..b/runs", "http://h:99999"])
def test_a_host_that_dns_cannot_look_up_is_not_an_address(uri):
    with pytest.raises(StoreError, match="is not an address; write http://HOST:PORT"):
        check_reachable(uri)
