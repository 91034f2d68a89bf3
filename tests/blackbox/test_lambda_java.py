"""Java functions: handlers in every form, events as objects, errors, the context."""

import io
import pathlib
import shutil
import subprocess
import textwrap
import zipfile

import pytest

from test_lambda import create, invoke, logged

pytestmark = pytest.mark.skipif(shutil.which("javac") is None, reason="there is no JDK")

# What the package aws-lambda-java-core brings; functions bring their own copy.
CORE = {
    "com/amazonaws/services/lambda/runtime/LambdaLogger.java": """
        package com.amazonaws.services.lambda.runtime;
        public interface LambdaLogger { void log(String message); void log(byte[] message); }
    """,
    "com/amazonaws/services/lambda/runtime/Context.java": """
        package com.amazonaws.services.lambda.runtime;
        public interface Context {
            String getAwsRequestId(); String getFunctionName(); int getRemainingTimeInMillis(); LambdaLogger getLogger();
        }
    """,
    "com/amazonaws/services/lambda/runtime/RequestHandler.java": """
        package com.amazonaws.services.lambda.runtime;
        public interface RequestHandler<I, O> { O handleRequest(I input, Context context); }
    """,
    "bard/App.java": """
        package bard;
        import com.amazonaws.services.lambda.runtime.*;
        import java.io.*;
        import java.util.*;

        public class App implements RequestHandler<Map<String, Object>, Map<String, Object>> {
            public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
                context.getLogger().log("sung\\ntwice");
                if (event.containsKey("fail")) throw new IllegalStateException("a string broke");
                return Map.of("event", event, "function", context.getFunctionName(),
                              "left", context.getRemainingTimeInMillis() > 0);
            }

            public static class Song {
                private String title;
                private List<Integer> verses;
                public String getTitle() { return title; }
                public void setTitle(String title) { this.title = title; }
                public List<Integer> getVerses() { return verses; }
                public void setVerses(List<Integer> verses) { this.verses = verses; }
            }

            public Song object(Song song) {
                song.getVerses().add(song.getVerses().get(0) + 1);
                return song;
            }

            public static void stream(InputStream in, OutputStream out) throws IOException {
                out.write('[');
                out.write(in.readAllBytes());
                out.write(']');
            }
        }
    """,
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    root = tmp_path_factory.mktemp("java")
    for path, source in CORE.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(textwrap.dedent(source))
    subprocess.run(["javac", "--release", "17", "-d", root / "out", *map(str, root.rglob("*.java"))], check=True)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for place in pathlib.Path(root / "out").rglob("*.class"):
            archive.write(place, place.relative_to(root / "out"))
    return content.getvalue()


def made(region, name, compiled, handler):
    create(region, name, compiled, runtime="java17", handler=handler, MemorySize=512, Timeout=20)


def test_a_request_handler(region, name, compiled, eventually):
    made(region, name, compiled, "bard.App")
    event = {"text": "ü \"x\"", "numbers": [1, 2.5, None, True]}
    answer, failed = invoke(region, name, event)
    assert (answer, failed) == ({"event": event, "function": name, "left": True}, None)
    error, failed = invoke(region, name, {"fail": 1})
    assert (failed, error["errorType"], error["errorMessage"]) == (
        "Unhandled", "java.lang.IllegalStateException", "a string broke")
    assert error["stackTrace"][0].startswith("bard.App.handleRequest(")
    eventually(lambda: "sung\rtwice\n" in logged(region, f"/aws/lambda/{name}"))


def test_objects_and_streams(region, name, compiled):
    made(region, name, compiled, "bard.App::object")
    assert invoke(region, name, {"title": "ballad", "verses": [3]}) == ({"title": "ballad", "verses": [3, 4]}, None)
    made(region, name + "-s", compiled, "bard.App::stream")
    assert invoke(region, name + "-s", {"a": 1}) == ([{"a": 1}], None)


def test_a_handler_that_is_not_there(region, name, compiled):
    made(region, name, compiled, "bard.Absent")
    error, failed = invoke(region, name)
    assert (failed, error["errorMessage"]) == ("Unhandled", "Class not found: bard.Absent")
