"""Ray's token: whoever can read it can run code as its owner, so it is for the owner's eyes alone."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def keep_token_private() -> None:
    """Make the token where there is none, readable by its owner alone; Ray would let every user of the machine read it.

    A token that Ray made earlier is closed to others. One that another user owns is left as it is.
    """
    if os.environ.get("RAY_AUTH_TOKEN"):
        return
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        status = path.stat()
        if status.st_mode & 0o077 and status.st_uid == os.getuid():
            path.chmod(0o600)
        return
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        with suppress(FileExistsError):  # another search was first
            os.link(new, path)
    finally:
        new.unlink(missing_ok=True)
