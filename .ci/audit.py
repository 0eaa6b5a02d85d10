"""Looks up the packages of constraints.txt, all that we install and test with, in lists of known vulnerabilities.

    make audit

Exit code 1 where a package has any. Where no list answers from here, a note and exit code 0: nothing was checked.
Further arguments go to pip-audit (`--ignore-vuln ID`, say).
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
SERVICES = {"pypi": "PyPI's", "osv": "OSV's"}
AWAY = r"ConnectionError|ConnectTimeout|ReadTimeout|HTTPError|[Cc]ould not connect|Max retries exceeded"


def look_up(service: str, more: list[str]) -> list[dict[str, Any]]:
    """Return what a service says of each package that it knows; nothing where it does not answer.

    An index that stands in for PyPI may lack its lists of vulnerabilities: pip-audit then skips every package and says
    that it found none.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        what = ["--requirement", str(CONSTRAINTS), "--no-deps", "--disable-pip", "--vulnerability-service", service]
        form = ["--format", "json", "--output", str(answer), "--progress-spinner", "off"]
        command = [sys.executable, "-m", "pip_audit", *what, *form, *more]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        if not answer.exists():
            if not re.search(AWAY, found.stderr):
                sys.exit(f"pip-audit failed:\n{found.stderr}")
            return []
        packages = json.loads(answer.read_text())["dependencies"]
    return [package for package in packages if "vulns" in package]


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


def main(more: list[str]) -> int:
    """Ask one service after the other, until one answers; say what it knows."""
    n_asked = sum(bool(re.match(r"\w", line)) for line in CONSTRAINTS.read_text().splitlines())
    for service, name in SERVICES.items():
        packages = look_up(service, more)
        if not packages:
            continue
        found = [(package, each) for package in packages for each in package["vulns"]]
        for package, each in found:
            mended = ", ".join(each["fix_versions"]) or "no version yet"
            names = " ".join([each["id"], *each.get("aliases", [])])
            say(f"{package['name']} {package['version']}: {names}; mended in {mended}")
        say(f"{len(found)} known vulnerabilities in {len(packages)} of {n_asked} packages, by {name} list.")
        return 1 if found else 0
    say("NOT CHECKED for known vulnerabilities: neither PyPI's list nor OSV's answers from here.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
