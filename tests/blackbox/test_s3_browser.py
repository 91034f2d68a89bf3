"""S3 under a real browser, where Chromium is installed: a form that it submits, scripts of another origin."""

import http.server
import json
import shutil
import subprocess
import threading
import urllib.parse

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed")


class Site(http.server.ThreadingHTTPServer):
    """Serves one page, and keeps the queries of `/done`."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Visit)
        self.page, self.done = "", []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Visit(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        place = urllib.parse.urlsplit(self.path)
        if place.path == "/done":
            self.server.done.append(dict(urllib.parse.parse_qsl(place.query)))
        body = (self.server.page if place.path == "/" else "").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *ignored):
        """Says nothing: pytest shows what the test found."""


@pytest.fixture
def site():
    served = Site()
    yield served
    served.shutdown()
    served.server_close()


@pytest.fixture
def visit(tmp_path, eventually):
    """Opens a site's page and waits for what it reports to `/done`."""
    def open_page(site):
        command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   "--no-first-run", "--disable-background-networking", "--no-proxy-server",
                   f"--user-data-dir={tmp_path / 'profile'}", "--remote-debugging-port=0", site.url]
        with open(tmp_path / "browser.log", "wb") as log:
            browser = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            return eventually(lambda: site.done, seconds=120)[0]
        finally:
            browser.terminate()
            try:
                browser.wait(20)
            except subprocess.TimeoutExpired:
                browser.kill()
                browser.wait()

    return open_page


def hidden(fields):
    escape = lambda text: text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items())


def test_a_browser_submits_a_form(strict, name, site, visit):
    """The policy is signed, so a field that the browser writes in another way would be refused."""
    s3 = strict.client("s3", signature_version="s3v4")
    s3.create_bucket(Bucket=name)
    tags = "<Tagging><TagSet><Tag><Key>voice</Key><Value>lute + harp</Value></Tag></TagSet></Tagging>"
    extra = {"success_action_redirect": f"{site.url}/done?from=form", "x-amz-meta-venue": "the hall",
             "Content-Type": "text/plain", "tagging": tags}
    form = s3.generate_presigned_post(name, "in/${filename}", Fields=extra, Conditions=[
        ["starts-with", "$key", "in/"], ["content-length-range", 1, 100], *({key: text} for key, text in extra.items())])
    site.page = f"""<!doctype html><form action="{form['url']}" method="post" enctype="multipart/form-data">
        {hidden(form['fields'])}<input type="file" name="file"><input type="submit" name="submit" value="Upload"></form>
        <script>
        const chosen = new DataTransfer();
        chosen.items.add(new File(["la la\\r\\n\\r\\n--la"], "song é \\"1\\".txt", {{type: "text/plain"}}));
        document.querySelector("input[type=file]").files = chosen.files;
        document.querySelector("input[type=submit]").click();
        </script>"""
    told = visit(site)
    (entry,) = s3.list_objects_v2(Bucket=name)["Contents"]
    key = entry["Key"]
    assert key.startswith("in/song é ")
    found = s3.get_object(Bucket=name, Key=key)
    assert told == {"from": "form", "bucket": name, "key": key, "etag": found["ETag"]}
    assert found["Body"].read() == b"la la\r\n\r\n--la"
    assert (found["Metadata"], found["ContentType"], found["TagCount"]) == ({"venue": "the hall"}, "text/plain", 1)
    assert s3.get_object_tagging(Bucket=name, Key=key)["TagSet"] == [{"Key": "voice", "Value": "lute + harp"}]


def test_a_script_of_another_origin(strict, name, site, visit):
    """The browser asks before it puts, shows a script the headers that the rules expose, and keeps the rest from it."""
    s3 = strict.client("s3", signature_version="s3v4")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [{
        "AllowedOrigins": [site.url], "AllowedMethods": ["PUT", "GET"], "AllowedHeaders": ["x-amz-meta-*", "content-type"],
        "ExposeHeaders": ["ETag"]}]})
    place = {"Bucket": name, "Key": "k"}
    put = s3.generate_presigned_url("put_object", Params={**place, "Metadata": {"venue": "hall"}, "ContentType": "text/plain"})
    delete = s3.generate_presigned_url("delete_object", Params=place)
    site.page = f"""<!doctype html><script type="module">
        const [put, remove] = [{json.dumps(put)}, {json.dumps(delete)}];
        const headers = {{"x-amz-meta-venue": "hall", "content-type": "text/plain"}};
        const answer = await fetch(put, {{method: "PUT", body: "la la", headers}});
        const refused = await fetch(remove, {{method: "DELETE"}}).then(() => "deleted", () => "kept");
        const told = {{status: answer.status, etag: answer.headers.get("etag"), id: answer.headers.get("x-amz-id-2"), refused}};
        await fetch("/done?" + new URLSearchParams(told));
        </script>"""
    told = visit(site)
    head = s3.head_object(**place)
    assert told == {"status": "200", "etag": head["ETag"], "id": "null", "refused": "kept"}
    assert head["Metadata"] == {"venue": "hall"}
