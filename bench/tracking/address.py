"""The address of the MLflow store: where it is, whether it answers, and how messages show it without a password."""

import os
import re
import socket
from urllib.parse import parse_qs, urlparse

from bench.home.paths import home
from cellbench.errors import StoreError

DATABASES = {"postgresql": 5432, "postgres": 5432, "mysql": 3306, "mssql": 1433}
PORTS = {"http": 80, "https": 443, **DATABASES}
"""Default port of each kind of store."""


def store_uri() -> str:
    """Return the address of the store: `MLFLOW_TRACKING_URI`, or a database in `CELLBENCH_HOME`.

    Raises:
        StoreError: The path of the home cannot be part of a database address.
    """
    if named := os.environ.get("MLFLOW_TRACKING_URI"):
        return named
    path = home() / "mlflow.db"
    if "?" in str(path):
        raise StoreError(
            f"CELLBENCH_HOME ({home()}) has a '?' in its path, which MLflow does not accept; move the folder."
        )
    return f"sqlite:///{path}"


def check_reachable(uri: str) -> None:
    """Check within seconds that a server or a database listens; MLflow itself would try for minutes.

    Args:
        uri: Address of the store.

    Raises:
        StoreError: Nothing listens at the address, the address is not valid, or it has a password in it, which MLflow
            would show in errors and logs.
    """
    scheme = uri.partition(":")[0].partition("+")[0]
    if scheme not in ("sqlite", "file") and re.search(r"\s", uri):
        # The address is not shown, because it is unknown where a password in it ends.
        raise StoreError("MLFLOW_TRACKING_URI has a space in it; write a space as %20.")
    if scheme not in DATABASES and ("@" in uri or re.search(r"[?&;](pass|pwd)", uri, re.IGNORECASE)):
        raise StoreError(
            f"MLFLOW_TRACKING_URI ({shown(uri)}) has a user name or password in it, which others can read; remove it, "
            "and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
        )
    if scheme == "file" or "://" not in uri:
        raise StoreError(
            f"MLFLOW_TRACKING_URI ({shown(uri)}) is a folder, but the store must be a server or a database; set it to "
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
        raise StoreError(f"MLFLOW_TRACKING_URI ({shown(uri)}) is not an address; write http://HOST:PORT.") from None
    if host is None or host.startswith("/"):  # the folder of a socket
        return
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        raise unreachable(uri, error) from None


def shown(text: str) -> str:
    """Return a text without the user names, passwords and queries of the addresses in it.

    >>> shown("postgresql://me:p/w@host/runs is away")
    'postgresql://…@host/runs is away'
    >>> shown("postgresql://host/runs?user=me&password=pw is away")
    'postgresql://host/runs?… is away'
    """
    return re.sub(r"(://\S*?)\?\S*", r"\1?…", re.sub(r"://\S*@", "://…@", text))


def unreachable(uri: str, error: Exception, more: str = "") -> StoreError:
    """Return the error for a store that cannot be used; its text has no password in it.

    Args:
        uri: Address of the store.
        error: The error of MLflow or of the connection.
        more: Text that follows the message.
    """
    status = error.get_http_status_code() if hasattr(error, "get_http_status_code") else None
    if status == 401:
        return StoreError(
            f"The MLflow server {shown(uri)} refuses this user name and password; set MLFLOW_TRACKING_USERNAME and "
            f"MLFLOW_TRACKING_PASSWORD, or write them to ~/.mlflow/credentials.{more}"
        )
    lines = shown(str(error)).strip().splitlines()
    reason = lines[0].rstrip(".") if lines else type(error).__name__
    if status == 403:
        return StoreError(
            f"The MLflow server {shown(uri)} does not permit this ({reason}); ask its administrator.{more}"
        )
    local = uri.startswith("sqlite:")
    advice = "set CELLBENCH_HOME to another folder" if local else "start its server, or set MLFLOW_TRACKING_URI"
    return StoreError(f"The MLflow store {shown(uri)} cannot be used ({reason}); {advice}.{more}")
