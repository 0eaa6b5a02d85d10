"""Where the store of runs is, whether it answers, and how to speak of it without its password."""

import os
import re
import socket
from urllib.parse import parse_qs, urlparse

from bench.home.paths import home
from cellbench.errors import StoreError

DATABASES = {"postgresql": 5432, "postgres": 5432, "mysql": 3306, "mssql": 1433}
PORTS = {"http": 80, "https": 443, **DATABASES}
"""Where a store of each kind listens unless its address says otherwise."""


def store_uri() -> str:
    """Return where runs are kept: `MLFLOW_TRACKING_URI`, else a database in `CELLBENCH_HOME`.

    Raises:
        StoreError: The path of the home cannot be that of a database.
    """
    if named := os.environ.get("MLFLOW_TRACKING_URI"):
        return named
    path = home() / "mlflow.db"
    if "?" in str(path):
        raise StoreError(f"CELLBENCH_HOME ({home()}) has a '?' in it, which no database of MLflow can have; move it.")
    return f"sqlite:///{path}"


def check_reachable(uri: str) -> None:
    """Check within seconds that a server or a database listens; MLflow itself would try for minutes.

    Raises:
        StoreError: None does, or its address holds a password, which MLflow would show in errors and logs.
    """
    scheme = uri.partition(":")[0].partition("+")[0]
    if scheme not in ("sqlite", "file") and re.search(r"\s", uri):
        # Not shown: where a password in it ends is not known.
        raise StoreError("MLFLOW_TRACKING_URI has a space in it, so it is no address; write a space as %20.")
    if scheme not in DATABASES and ("@" in uri or re.search(r"[?&;](pass|pwd)", uri, re.IGNORECASE)):
        raise StoreError(
            f"MLFLOW_TRACKING_URI ({shown(uri)}) holds a user name or password, which others could then read; leave it "
            "out, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
        )
    if scheme == "file" or "://" not in uri:
        raise StoreError(
            f"MLFLOW_TRACKING_URI ({shown(uri)}) is a folder; runs are kept by a server or in a database: write "
            "http://HOST:PORT or sqlite:////FOLDER/mlflow.db, or unset it."
        )
    if scheme not in PORTS:
        return
    try:
        parts = urlparse(uri)
        named = {name: values[0] for name, values in parse_qs(parts.query).items()}  # as libpq allows
        host = parts.hostname or named.get("host")
        port = parts.port or int(named.get("port", PORTS[scheme]))
    except ValueError:
        raise StoreError(f"MLFLOW_TRACKING_URI ({shown(uri)}) is no address; write http://HOST:PORT.") from None
    if host is None or host.startswith("/"):  # a socket's folder
        return
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        raise unreachable(uri, error) from None


def shown(text: str) -> str:
    """Return a text in which addresses have neither user name nor password, be it before the host or behind it.

    >>> shown("postgresql://me:p/w@host/runs is away")
    'postgresql://…@host/runs is away'
    >>> shown("postgresql://host/runs?user=me&password=pw is away")
    'postgresql://host/runs?… is away'
    """
    return re.sub(r"(://\S*?)\?\S*", r"\1?…", re.sub(r"://\S*@", "://…@", text))


def unreachable(uri: str, error: Exception, more: str = "") -> StoreError:
    """Return the one sentence for a store that does not answer, or not us; it holds no password."""
    status = error.get_http_status_code() if hasattr(error, "get_http_status_code") else None
    if status == 401:
        return StoreError(
            f"The MLflow server {shown(uri)} refuses this user name and password; set MLFLOW_TRACKING_USERNAME and "
            f"MLFLOW_TRACKING_PASSWORD, or write them into ~/.mlflow/credentials.{more}"
        )
    lines = shown(str(error)).strip().splitlines()
    reason = lines[0].rstrip(".") if lines else type(error).__name__
    if status == 403:
        return StoreError(
            f"The MLflow server {shown(uri)} does not allow this ({reason}); ask who runs it for the permission.{more}"
        )
    way_out = "let CELLBENCH_HOME" if uri.startswith("sqlite:") else "start its server, or let MLFLOW_TRACKING_URI"
    return StoreError(f"The MLflow store {shown(uri)} cannot be used ({reason}); {way_out} point to another.{more}")
