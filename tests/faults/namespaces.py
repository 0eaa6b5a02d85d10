"""A Ray cluster of real nodes on one machine: each node has a network namespace, an address and a temporary folder.

A bridge in a separate namespace connects the nodes, so the network of the machine is not changed.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PORT = 6379
OBJECT_STORE_BYTES = 80 * 2**20


def why_not():
    """Return why no namespaces can be made here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need `ip` (iproute2)"
    name = f"cb{secrets.token_hex(3)}"
    found = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        return f"no network namespace can be made here ({found.stderr.strip()})"
    subprocess.run(["ip", "netns", "delete", name], check=False)
    return None


CURRENT = Path(tempfile.gettempdir()) / "ray" / "ray_current_cluster"
"""File to which `ray start --head` writes its address, for any --temp-dir."""


class Node:
    """A namespace with an address, and the Ray node in it."""

    def __init__(self, name, address, folder, log):
        self.name, self.address, self.folder, self.log = name, address, folder, log
        self.process = None

    def command(self, *words):
        """Return a command that runs on this node."""
        return ["ip", "netns", "exec", self.name, *map(str, words)]

    def pids(self):
        found = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False)
        return [int(pid) for pid in found.stdout.split()]

    def kill(self):
        """Kill every process of the node at once, as a power cut does."""
        while pids := self.pids():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        if self.process is not None:
            self.process.wait()

    def inside(self, path):
        """Return the path outside the node for a path in the node, which has its own mounts."""
        return Path(f"/proc/{self.pids()[0]}/root") / path.relative_to("/")


class Cluster:
    """Connected namespaces, and Ray in them.

    Args:
        environment: Environment of Ray and of the programs, including the token.
    """

    def __init__(self, environment):
        self.environment = environment
        self.nodes = []
        self._programs = []
        self._id = f"cb{secrets.token_hex(3)}"
        self._net = f"10.{secrets.randbelow(200) + 20}.{secrets.randbelow(250) + 1}"
        self.folder = Path(
            tempfile.mkdtemp(prefix="cb-", dir="/tmp")
        )  # short, because it is part of the paths of Ray's sockets

    @property
    def head(self):
        return self.nodes[0]

    @property
    def address(self):
        """The value for `--address`."""
        return f"{self.head.address}:{PORT}"

    def __enter__(self):
        try:
            _run("ip", "netns", "add", f"{self._id}s")
            _run("ip", "-n", f"{self._id}s", "link", "add", "bridge", "type", "bridge")
            _run("ip", "-n", f"{self._id}s", "link", "set", "bridge", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for program in self._programs:
            if program.poll() is None:
                os.killpg(program.pid, signal.SIGKILL)
                program.communicate()
        for node in self.nodes:
            node.kill()
            subprocess.run(["ip", "netns", "delete", node.name], check=False)
        subprocess.run(["ip", "netns", "delete", f"{self._id}s"], check=False)
        if CURRENT.exists() and CURRENT.read_text().startswith(f"{self._net}."):
            CURRENT.unlink()  # otherwise every later ray.init() on this machine would look for the stopped head
        shutil.rmtree(self.folder, ignore_errors=True)

    def machine(self):
        """Return a new machine on the switch, without Ray."""
        number = len(self.nodes) + 1
        node = Node(
            f"{self._id}n{number}", f"{self._net}.{number}", self.folder / str(number), self.folder / f"{number}.log"
        )
        self.nodes.append(node)
        switch, port = f"{self._id}s", f"port{number}"
        _run("ip", "netns", "add", node.name)
        _run("ip", "-n", switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", node.name)
        _run("ip", "-n", switch, "link", "set", port, "master", "bridge", "up")
        _run("ip", "-n", node.name, "addr", "add", f"{node.address}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            _run("ip", "-n", node.name, "link", "set", device, "up")
        return node

    def add(self, cpus, *, before="", gpus=0):
        """Start a node and wait until it is ready. The first node is the head.

        Args:
            cpus: Number of CPUs that it reports.
            before: Shell command that runs on the node first. Its mounts are visible on this node only.
            gpus: Number of GPUs that it reports.
        """
        node = self.machine()
        role = (
            ["--head", f"--port={PORT}", "--include-dashboard=false"]
            if node is self.head
            else [f"--address={self.address}"]
        )
        ray = [
            Path(sys.executable).with_name("ray"), "start", *role, f"--node-ip-address={node.address}", "--block",
            f"--num-cpus={cpus}", f"--num-gpus={gpus}", f"--object-store-memory={OBJECT_STORE_BYTES}",
            f"--temp-dir={node.folder}", "--disable-usage-stats",
        ]  # fmt: skip
        script = f'{before or ":"} && exec "$@"'
        with node.log.open("wb") as log:
            node.process = subprocess.Popen(
                node.command("sh", "-c", script, "sh", *ray),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait(node)
        return node

    def cut(self, node):
        """Disconnect a node from the network. Its processes continue."""
        _run("ip", "-n", f"{self._id}s", "link", "set", f"port{self.nodes.index(node) + 1}", "down")

    def start(self, *words, on=None):
        """Start a program on a node, by default the head."""
        program = subprocess.Popen(
            (on or self.head).command(*words),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._programs.append(program)
        return program

    def run(self, *words, on=None, expect=0, timeout=600):
        """Run a program to its end, and return its output and its errors."""
        process = self.start(*words, on=on)
        output, errors = process.communicate(timeout=timeout)
        assert process.returncode == expect, output + errors
        return output, errors

    def _wait(self, node):
        end = time.monotonic() + 90
        while time.monotonic() < end:
            if b"Ray runtime started" in node.log.read_bytes():
                return
            time.sleep(0.1)
        raise AssertionError(f"the node {node.address} did not start:\n{node.log.read_text()}")


def _run(*words):
    subprocess.run(words, check=True, capture_output=True)
