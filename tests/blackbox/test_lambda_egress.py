"""Functions in sandboxes that call other hosts: from Python, Node.js, Java and a program of their own. The other host is
an address of this machine's own interface that the region was told to allow: nothing leaves the machine."""

import http.server
import io
import json
import os
import random
import shutil
import socket
import subprocess
import threading
import zipfile

import pytest

from test_lambda import ROLE, create, invoke
from test_lambda_sandbox import sandboxes  # noqa: F401


def own_address():
    """An address of this machine besides loopback; the kernel says it without sending anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("203.0.113.1", 9))
        except OSError:
            return None
        found = probe.getsockname()[0]
    return None if found.startswith("127.") else found


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = json.dumps({"path": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def host():
    """The URL of a server on the other host."""
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address besides loopback")
    server = http.server.ThreadingHTTPServer((address, 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{address}:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def open_region(fresh_region, host):
    """A region whose functions reach that host; skips where sandboxes have no way out."""
    region = fresh_region("--isolation", "best", "--function-egress-allow", f"{own_address()}/32")
    told = subprocess.run([region.binary, "doctor", "--json"], capture_output=True, text=True, timeout=120).stdout
    found = json.loads(told)["egress"]
    if "present" not in found:
        pytest.skip(f"no way out of sandboxes here: {found}")
    return region


PYTHON = """
    import asyncio, urllib.error, urllib.request

    async def ask(host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /asyncio HTTP/1.0\\r\\n\\r\\n")
        answer = await reader.read()
        writer.close()
        return answer.split(b"\\r\\n\\r\\n")[1].decode()

    def handler(event, context):
        url = event["url"]
        host, port = url.removeprefix("http://").split(":")
        found = [urllib.request.urlopen(f"{url}/{number}", timeout=5).read().decode() for number in range(2)]
        found.append(asyncio.run(ask(host, int(port))))
        try:
            urllib.request.urlopen(f"http://{host}:1/", timeout=5)
        except urllib.error.URLError as error:
            found.append(type(error.reason).__name__)
        return found
"""


def test_python_calls_another_host(open_region, host, name):
    create(open_region, name, PYTHON, Timeout=20)
    expected = ['{"path": "/0"}', '{"path": "/1"}', '{"path": "/asyncio"}', "ConnectionRefusedError"]
    assert invoke(open_region, name, {"url": host}) == (expected, None)


def package(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file, content in files.items():
            entry = zipfile.ZipInfo(file.replace("__", "."))
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, content)
    return packed.getvalue()


NODE = """
exports.handler = async ({ url }) => {
  const ask = async (path) => (await fetch(url + path)).json();
  const found = await Promise.all(['/a', '/b', '/c', '/d'].map(ask));
  const refused = await fetch(url.replace(/:\\d+$/, ':2') + '/').catch((error) => error.cause.code);
  return [...found.map((answer) => answer.path), refused];
};
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")
def test_node_calls_another_host(open_region, host, name):
    major = subprocess.run(["node", "-p", "process.versions.node.split('.')[0]"], capture_output=True, text=True)
    lambda_ = open_region.client("lambda")
    lambda_.create_function(FunctionName=name, Runtime=f"nodejs{major.stdout.strip()}.x", Role=ROLE, Timeout=20,
                            Handler="index.handler", Code={"ZipFile": package(index__js=NODE)})
    assert invoke(open_region, name, {"url": host}) == (["/a", "/b", "/c", "/d", "ECONNREFUSED"], None)


JAVA = """
import java.net.HttpURLConnection;
import java.net.URL;
import java.util.Map;

public class Handler {
    public String handle(Map<String, Object> event) throws Exception {
        HttpURLConnection call = (HttpURLConnection) new URL(event.get("url") + "/java").openConnection();
        return new String(call.getInputStream().readAllBytes());
    }
}
"""


@pytest.mark.skipif(shutil.which("javac") is None, reason="there is no JDK here")
def test_java_calls_another_host(open_region, host, name, tmp_path):
    (tmp_path / "Handler.java").write_text(JAVA)
    subprocess.run(["javac", "-nowarn", "Handler.java"], cwd=tmp_path, check=True, capture_output=True)
    told = subprocess.run(["javac", "-version"], capture_output=True, text=True).stdout
    lambda_ = open_region.client("lambda")
    code = package(Handler__class=(tmp_path / "Handler.class").read_bytes())
    lambda_.create_function(FunctionName=name, Runtime=f"java{told.split()[1].split('.')[0]}", Role=ROLE, Timeout=30,
                            Handler="Handler::handle", Code={"ZipFile": code}, MemorySize=256)
    assert invoke(open_region, name, {"url": host}) == ('{"path": "/java"}', None)


def test_a_region_that_gives_no_way_out(fresh_region, region, name, sandboxes):
    closed = fresh_region("--function-egress", "none")
    create(closed, name, """
        import socket

        def handler(event, context):
            try:
                socket.create_connection(("203.0.113.1", 80), 5)
            except OSError as error:
                return error.strerror
    """)
    assert invoke(closed, name) == ("Network is unreachable", None)


def answer(question, address):
    """The answer of a name server that knows one address for all names."""
    end = question.index(b"\0", 12) + 5
    is_address = question[end - 4:end - 2] == b"\0\1"
    head = question[:2] + b"\x81\x80\0\1" + (b"\0\1" if is_address else b"\0\0") + b"\0\0\0\0"
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(address)
    return head + question[12:end] + (record if is_address else b"")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can answer for names on their port")
def test_names_are_asked_of_the_machines_resolver(region, fresh_region, host, name, tmp_path, sandboxes):  # noqa: F811
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.53", 53))

        def serve():
            while True:
                try:
                    question, client = server.recvfrom(512)
                except OSError:
                    return
                server.sendto(answer(question, own_address()), client)

        threading.Thread(target=serve, daemon=True).start()
        resolvers, wrapper = tmp_path / "resolv.conf", tmp_path / "elysium"
        resolvers.write_text(f"nameserver {server.getsockname()[0]}\n")
        within = f'mount --bind {resolvers} /etc/resolv.conf && exec {region.binary} "$@"'
        wrapper.write_text(f"#!/bin/sh\nexec unshare -m sh -c '{within}' sh \"$@\"\n")
        wrapper.chmod(0o755)
        named = fresh_region("--function-egress-allow", own_address(), binary=wrapper)
        create(named, name, """
            import urllib.request

            def handler(event, context):
                return urllib.request.urlopen(event["url"], timeout=10).read().decode()
        """, Timeout=20)
        url = f"http://another.host.test:{host.rpartition(':')[2]}/named"
        assert invoke(named, name, {"url": url}) == ('{"path": "/named"}', None)
        named.stop()
