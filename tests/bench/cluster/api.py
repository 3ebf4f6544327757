# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes API beside a node: the double of tests/agent_api over TLS, with nodes of 10 kB as real ones are."""
import json
import pathlib
import subprocess
import tempfile

from lab.world import run

TESTS = pathlib.Path(__file__).resolve().parents[2]


class Api:
    def __init__(self, node, nodes_file):
        """Listens on the node's loopback and serves the nodes of a nodes file."""
        folder = tempfile.mkdtemp(dir=node.folder)
        run(str(TESTS / "agent_api/make_certificates"), folder)
        self.process = node.start(str(TESTS / "agent_api/many_nodes.py"), "--list", nodes_file, "--certificate", f"{folder}/server.crt",
                                  "--key", f"{folder}/server.key", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        server = f"https://127.0.0.1:{json.loads(self.process.stdout.readline())['port']}"
        kubeconfig = pathlib.Path(folder, "kubeconfig")
        kubeconfig.touch(0o600)
        kubeconfig.write_text(json.dumps({
            "clusters": [{"name": "bench", "cluster": {"server": server, "certificate-authority": f"{folder}/ca.crt"}}],
            "users": [{"name": "bench", "user": {"token": "bench"}}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}], "current-context": "bench"}), encoding="utf-8")
        self.config = {"source": "kubernetes", "kubernetes": {"kubeconfig": str(kubeconfig)}}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def stats(self):
        """The counters of the double; its description names the fields."""
        return self.order("stats")

    def order(self, text):
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())
