"""Java functions: handlers in every form, events as objects, errors, the context."""

import io
import os
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
    "bard/Instrument.java": "package bard; public interface Instrument { String name(); }",
    "bard/World.java": """
        package bard;
        import java.io.*;
        import java.nio.charset.StandardCharsets;
        import java.nio.file.*;
        import java.util.*;

        public class World {
            static List<String> lines(InputStream in) throws IOException {
                return new ArrayList<>(Arrays.asList(new String(in.readAllBytes(), StandardCharsets.UTF_8).split("\\n")));
            }

            static List<String> names(ServiceLoader<Instrument> found) {
                List<String> names = new ArrayList<>();
                for (Instrument instrument : found) names.add(instrument.name());
                return names;
            }

            public Object seen(Map<String, Object> event) throws Exception {
                ClassLoader context = Thread.currentThread().getContextClassLoader();
                Map<String, Object> seen = new LinkedHashMap<>();
                seen.put("variables", new TreeSet<>(System.getenv().keySet()));
                seen.put("of a child", lines(new ProcessBuilder("/usr/bin/env").start().getInputStream()));
                seen.put("own", System.getenv("OWN"));
                seen.put("zone", TimeZone.getDefault().getID());
                seen.put("services", names(ServiceLoader.load(Instrument.class)));
                seen.put("of the system", names(ServiceLoader.load(Instrument.class, ClassLoader.getSystemClassLoader())));
                seen.put("resources", Collections.list(context.getResources("where.txt")).size());
                seen.put("resource", lines(context.getResourceAsStream("where.txt")));
                seen.put("file", lines(new FileInputStream("where.txt")));
                seen.put("path", Files.readAllLines(Paths.get("where.txt")));
                seen.put("absolute", new File("where.txt").getAbsolutePath());
                seen.put("folder", new File("/proc/self/cwd").getCanonicalPath());
                List<String> places = new ArrayList<>();
                for (String place : System.getProperty("java.class.path").split(":")) {
                    if (!place.startsWith("/var/runtime")) places.add(place);
                }
                seen.put("classes", places);
                seen.put("heap", Runtime.getRuntime().maxMemory() >> 20);
                boolean archive = false;
                for (String line : lines(new FileInputStream("/proc/self/maps"))) {
                    archive |= line.contains("/java/classes-17/") && line.endsWith(".jsa");
                }
                seen.put("archive", archive);
                seen.put("input", System.in.read());
                seen.put("waited", System.getProperty("sun.java.command").endsWith(" wait"));
                seen.put("bytes", lines(new ProcessBuilder("/bin/sh", "-c", "printf %s/ $OWN").start().getInputStream()));
                return seen;
            }
        }
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


def packed(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("java")


@pytest.fixture(scope="module")
def compiled(root):
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
    eventually(lambda: "sung\ntwice\n" in logged(region, f"/aws/lambda/{name}"))


def test_objects_and_streams(region, name, compiled):
    made(region, name, compiled, "bard.App::object")
    assert invoke(region, name, {"title": "ballad", "verses": [3]}) == ({"title": "ballad", "verses": [3, 4]}, None)
    made(region, name + "-s", compiled, "bard.App::stream")
    assert invoke(region, name + "-s", {"a": 1}) == ([{"a": 1}], None)


def test_a_handler_that_is_not_there(region, name, compiled):
    made(region, name, compiled, "bard.Absent")
    error, failed = invoke(region, name)
    assert (failed, error["errorMessage"]) == ("Unhandled", "Class not found: bard.Absent")


def instrument(root, name):
    """An archive with a class that offers itself as a service."""
    source, out = root / f"{name}.java", root / f"out-{name}"
    source.write_text(f'public class {name} implements bard.Instrument {{ public String name() {{ return "{name}"; }} }}')
    subprocess.run(["javac", "--release", "17", "-cp", root / "out", "-d", out, source], check=True)
    return packed({f"{name}.class": (out / f"{name}.class").read_bytes(),
                   "META-INF/services/bard.Instrument": name, "where.txt": f"in {name}"})


def test_a_function_sees_the_same_whether_its_jvm_waited_for_it_or_not(region, name, compiled, root, eventually):
    """The order of archives is AWS's: by their names ("Working with layers for Java Lambda functions")."""
    with zipfile.ZipFile(io.BytesIO(compiled)) as archive:
        files = {entry: archive.read(entry) for entry in archive.namelist()}
    files |= {"where.txt": "beside", "lib/b.jar": instrument(root, "Harp"), "lib/a.jar": instrument(root, "Lute")}
    lambda_ = region.client("lambda")
    layer = lambda_.publish_layer_version(
        LayerName=name, Content={"ZipFile": packed({"java/lib/drum.jar": instrument(root, "Drum")})})["LayerVersionArn"]

    def seen(suffix, **variables):
        create(region, name + suffix, packed(files), runtime="java17", handler="bard.World::seen", MemorySize=300,
               Timeout=60, Layers=[layer], Environment={"Variables": {"OWN": "\u00fc x", "TZ": "Asia/Tokyo", **variables}})
        told, failed = invoke(region, name + suffix)
        assert failed is None, told
        return told

    def same(told):
        kept = {key: value for key, value in told.items() if key not in ("waited", "archive", "heap", "classes", "of a child")}
        return kept | {"variables": sorted(set(told["variables"]) - {"JAVA_TOOL_OPTIONS"})}

    fresh = seen("-fresh", JAVA_TOOL_OPTIONS="-Da=b")
    assert not fresh["waited"]
    assert sorted(fresh["services"]) == sorted(fresh["of the system"]) == ["Drum", "Harp", "Lute"]
    assert (fresh["file"], fresh["path"], fresh["resource"], fresh["resources"]) == (["beside"], ["beside"], ["beside"], 4)
    assert (fresh["absolute"], fresh["folder"], fresh["zone"]) == ("/var/task/where.txt", "/var/task", "Asia/Tokyo")
    assert fresh["bytes"] == ["\u00fc/x/"]
    told = seen("-waited")
    if os.geteuid() == 0:
        assert told["waited"] and told["archive"], "with classes laid out as they lie in memory"
        assert told["services"] == ["Lute", "Harp", "Drum"]
        assert told["classes"] == ["/var/task", "/var/task/lib/a.jar", "/var/task/lib/b.jar", "/opt/java/lib/drum.jar"]
    for each in (fresh, told):
        of_child = sorted(line.split("=")[0] for line in each["of a child"])
        assert of_child == each["variables"] and 200 < each["heap"] <= 300 * 0.85
        each["services"].sort()
        each["of the system"].sort()
    assert same(told) == same(fresh)
