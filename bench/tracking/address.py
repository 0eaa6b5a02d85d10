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
ADVICE = {
    r"disk is full|no space left": "free some space",
    r"database is locked": "another program writes to it; try again later",
    r"readonly|unable to open|permission denied|no such file": "check that its folder exists and can be written",
    r"not a database|malformed": "restore the file from a copy; a new store is made if you move it away",
    r"no such table|no such column|locate revision": "it belongs to another version of MLflow; run `mlflow db upgrade`",
    r"\brun\b.*not found|'active' state|RESOURCE_DOES_NOT_EXIST": "it was deleted; restore it in the MLflow UI",
}
"""What to do about a store that does not work, by a pattern of the cause."""


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
    scheme = uri.partition(":")[0].partition("+")[0].lower()
    if (scheme not in ("sqlite", "file") or "@" in uri) and re.search(r"\s", uri):
        # The address is not shown, because it is unknown where a password in it ends.
        raise StoreError("MLFLOW_TRACKING_URI has a space in it; write a space as %20.")
    if scheme not in DATABASES and re.search(r"@|＠|%40|[?&;#](pass|pwd)", uri, re.IGNORECASE):
        raise StoreError(
            f"MLFLOW_TRACKING_URI ({shown(uri)}) has a user name or password in it, which others can read; remove it, "
            "and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
        )
    if scheme == "file" or "://" not in uri:
        raise StoreError(
            f"MLFLOW_TRACKING_URI ({_without_rest(uri)}) is a folder, but the store must be a server or a database; "
            "set it to http://HOST:PORT or sqlite:////FOLDER/mlflow.db, or unset it."
        )
    if scheme not in PORTS:
        return
    try:
        parts = urlparse(uri)
        named = {name: values[0] for name, values in parse_qs(parts.query).items()}  # as libpq allows
        host = parts.hostname or named.get("host")
        port = parts.port or int(named.get("port", PORTS[scheme]))
    except ValueError:
        raise StoreError(
            f"MLFLOW_TRACKING_URI ({_without_rest(uri)}) is not an address; write http://HOST:PORT."
        ) from None
    if host is None or host.startswith("/"):  # the folder of a socket
        return
    try:
        socket.create_connection((host, port), timeout=5).close()
    except (UnicodeError, OverflowError):  # `a..b` is not a host name for DNS, and no port is above 65535
        raise StoreError(
            f"MLFLOW_TRACKING_URI ({_without_rest(uri)}) is not an address; write http://HOST:PORT."
        ) from None
    except OSError as error:
        raise unreachable(uri, error) from None


def shown(text: str) -> str:
    """Return a text without the user names, passwords and queries of the addresses in it, also of malformed ones.

    Whatever precedes an `@` in a word is masked, except for a scheme with `://`.

    >>> shown("postgresql://me:p/w@host/runs is away")
    'postgresql://…@host/runs is away'
    >>> shown("postgresql://host/runs?user=me&password=pw is away")
    'postgresql://host/runs?… is away'
    >>> shown("postgresql:me:secret@host/x")
    '…@host/x'
    """
    masked = re.sub(r"(?<!\S)(\W*[A-Za-z][A-Za-z0-9+.-]*://)?\S*(@|＠|%40)", r"\1…@", text)
    masked = re.sub(r"[?;&#]\S*=\S*", "?…", re.sub(r"(://\S*?)[?#]\S*", r"\1?…", masked))
    return re.sub(r"(?i)\b(pass\w*|pwd|token|secret)\s*=\s*\S+", r"\1=…", masked)


def _without_rest(uri: str) -> str:
    """Return an address that is not valid: where it has a colon, its scheme only, because any part may be a password.

    >>> _without_rest("postgresql://me:secret/runs")
    'postgresql:…'
    """
    return f"{uri.partition(':')[0]}:…" if ":" in uri.removeprefix("file:") else shown(uri)


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
    reason = _reason(error)
    if status == 403:
        return StoreError(
            f"The MLflow server {shown(uri)} does not permit this ({reason}); ask its administrator.{more}"
        )
    known = (advice for pattern, advice in ADVICE.items() if re.search(pattern, reason, re.IGNORECASE))
    otherwise = "check the file" if uri.startswith("sqlite:") else "start its server, or set MLFLOW_TRACKING_URI"
    return StoreError(f"The MLflow store {shown(uri)} cannot be used ({reason}); {next(known, otherwise)}.{more}")


def _reason(error: Exception) -> str:
    """Return one line on the cause of an error. Errors of SQLAlchemy have the cause in a later line."""
    lines = shown(str(error)).strip().splitlines()
    if not lines:
        return type(error).__name__
    cause = next((line for line in lines if re.match(r"\(\w+(\.\w+)*Error\) ", line)), lines[0])
    return re.sub(r"^\(\w+(\.\w+)*Error\) ", "", cause).rstrip(".")
