"""Checks the packages of constraints.txt, which are installed and tested, for known vulnerabilities.

    make audit

The exit code is 1 if a package has any. If no list of vulnerabilities answers, nothing is checked: a note says so, and
the exit code is 0. Further arguments are passed to pip-audit, for example `--ignore-vuln ID`.
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
UNREACHABLE = r"ConnectionError|ConnectTimeout|ReadTimeout|HTTPError|[Cc]ould not connect|Max retries exceeded"


def look_up(service: str, more: list[str]) -> list[dict[str, Any]]:
    """Return the answer of a service for each package that it knows; an empty list if it does not answer.

    A mirror of PyPI may lack its list of vulnerabilities. pip-audit then skips every package and reports none.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        what = ["--requirement", str(CONSTRAINTS), "--no-deps", "--disable-pip", "--vulnerability-service", service]
        form = ["--format", "json", "--output", str(answer), "--progress-spinner", "off"]
        command = [sys.executable, "-m", "pip_audit", *what, *form, *more]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        if not answer.exists():
            if not re.search(UNREACHABLE, found.stderr):
                sys.exit(f"pip-audit failed:\n{found.stderr}")
            return []
        packages = json.loads(answer.read_text())["dependencies"]
    return [package for package in packages if "vulns" in package]


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


def main(more: list[str]) -> int:
    """Ask the services in turn until one answers, print its answer, and return the exit code."""
    n_asked = sum(bool(re.match(r"\w", line)) for line in CONSTRAINTS.read_text().splitlines())
    for service, name in SERVICES.items():
        packages = look_up(service, more)
        if not packages:
            continue
        found = [(package, each) for package in packages for each in package["vulns"]]
        for package, each in found:
            fixed = ", ".join(each["fix_versions"]) or "no version yet"
            names = " ".join([each["id"], *each.get("aliases", [])])
            say(f"{package['name']} {package['version']}: {names}; fixed in {fixed}")
        say(f"{len(found)} known vulnerabilities in {len(packages)} of {n_asked} packages, by {name} list.")
        return 1 if found else 0
    say("NOT CHECKED for known vulnerabilities: neither PyPI nor OSV answers.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
