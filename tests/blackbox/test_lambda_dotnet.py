"""Functions of .NET: class libraries under our bootstrap, executable assemblies that bring their own."""

import io
import json
import pathlib
import re
import shutil
import subprocess
import textwrap
import zipfile

import pytest

from test_lambda import create, invoke, logged


def sdk():
    """The version of Lambda's runtimes that the machine has, its compiler and what it compiles for."""
    if not shutil.which("dotnet"):
        return None
    said = {name: subprocess.run(["dotnet", f"--list-{name}"], capture_output=True, text=True, check=True).stdout
            for name in ("sdks", "runtimes")}
    compilers = [f"{place}/{version}/Roslyn/bincore/csc.dll" for version, place in re.findall(r"(\S+) \[(.*)\]", said["sdks"])]
    for version, place in re.findall(r"Microsoft.NETCore.App (\S+) \[(.*)\]", said["runtimes"]):
        if version.split(".")[0] in ("6", "8", "10") and compilers:
            return version, compilers[-1], f"{place}/{version}"
    return None


pytestmark = pytest.mark.skipif(sdk() is None, reason="there is no SDK of .NET 6, 8 or 10")

# What the package Amazon.Lambda.Core brings; functions bring their own copy.
CORE = """
    namespace Amazon.Lambda.Core {
        public interface ILambdaSerializer { T Deserialize<T>(System.IO.Stream s); void Serialize<T>(T v, System.IO.Stream s); }
        public sealed class LambdaSerializerAttribute : System.Attribute {
            public System.Type SerializerType { get; set; }
            public LambdaSerializerAttribute(System.Type type) { SerializerType = type; }
        }
        public interface ILambdaLogger { void LogLine(string m); void LogInformation(string m) => LogLine(m); }
        public interface ILambdaContext { string FunctionName { get; } System.TimeSpan RemainingTime { get; }
            ILambdaLogger Logger { get; } string TraceId { get { return ""; } } }
    }
"""
BAND = """
    using System;
    using System.Collections.Generic;
    using System.IO;
    using System.Text.Json;
    using System.Threading.Tasks;
    using Amazon.Lambda.Core;
    [assembly: LambdaSerializer(typeof(Band.Serializer))]
    namespace Band {
        public class Serializer : ILambdaSerializer {
            public T Deserialize<T>(Stream s) => JsonSerializer.Deserialize<T>(s);
            public void Serialize<T>(T v, Stream s) => JsonSerializer.Serialize(s, v);
        }
        public record Song(string Title, int[] Verses);
        public record Played(string Title, int Verses, string Function, bool Left, string Net, bool Traced);
        public class Lute {
            public async Task<Played> Play(Song song, ILambdaContext context) {
                await Task.Delay(1);
                Console.WriteLine("sung\\ntwice");
                context.Logger.LogInformation("logged");
                if (song.Verses == null) throw new ArgumentException("a string broke");
                return new Played(song.Title, song.Verses.Length, context.FunctionName,
                    context.RemainingTime > TimeSpan.FromSeconds(1), Environment.Version.ToString(), context.TraceId != "");
            }
        }
    }
"""
# An executable assembly speaks to the Runtime API itself; Amazon.Lambda.RuntimeSupport does it for those of others.
ALONE = """
    using System;
    using System.Net.Http;
    using System.Linq;
    public static class Alone {
        public static void Main() {
            var api = "http://" + Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/";
            var client = new HttpClient();
            while (true) {
                var next = client.GetAsync(api + "next").Result;
                var id = next.Headers.GetValues("Lambda-Runtime-Aws-Request-Id").First();
                var body = "{\\"alone\\":" + next.Content.ReadAsStringAsync().Result + "}";
                client.PostAsync(api + id + "/response", new StringContent(body)).Wait();
            }
        }
    }
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A package with both."""
    version, compiler, references = sdk()
    root = tmp_path_factory.mktemp("dotnet")
    major = version.split(".")[0]

    def build(name, source, *more):
        (root / f"{name}.cs").write_text(textwrap.dedent(source))
        known = ["System.Private.CoreLib", "System.Runtime", "System.Collections", "System.Text.Json", "System.Console",
                 "System.Net.Http", "System.Linq", "System.Private.Uri", "System.Memory", "System.Net.Primitives", "netstandard"]
        subprocess.run(["dotnet", "exec", compiler, "-nologo", "-nostdlib", f"-out:{root}/{name}.dll",
                        *(f"-r:{references}/{assembly}.dll" for assembly in known), *more, f"{root}/{name}.cs"], check=True)

    build("Amazon.Lambda.Core", CORE, "-t:library")
    build("Band", BAND, "-t:library", f"-r:{root}/Amazon.Lambda.Core.dll")
    build("Alone", ALONE, "-t:exe")
    config = {"runtimeOptions": {"tfm": f"net{major}.0", "framework": {"name": "Microsoft.NETCore.App", "version": f"{major}.0.0"},
                                 "configProperties": {"System.Globalization.Invariant": True}}}
    target = f".NETCoreApp,Version=v{major}.0"
    deps = {"runtimeTarget": {"name": target}, "targets": {target: {
        "Band/1.0.0": {"dependencies": {"Amazon.Lambda.Core": "2.0.0"}, "runtime": {"Band.dll": {}}},
        "Amazon.Lambda.Core/2.0.0": {"runtime": {"Amazon.Lambda.Core.dll": {}}}}},
        "libraries": {"Band/1.0.0": {"type": "project", "serviceable": False, "sha512": ""},
                      "Amazon.Lambda.Core/2.0.0": {"type": "project", "serviceable": False, "sha512": ""}}}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for place in pathlib.Path(root).glob("*.dll"):
            archive.write(place, place.name)
        archive.writestr("Band.deps.json", json.dumps(deps))
        archive.writestr("Band.runtimeconfig.json", json.dumps(config))
        archive.writestr("Alone.runtimeconfig.json", json.dumps(config))
    return f"dotnet{major}", content.getvalue()


def test_a_class_library(region, name, built, eventually):
    runtime, package = built
    create(region, name, package, runtime=runtime, handler="Band::Band.Lute::Play", MemorySize=512, Timeout=20)
    answer, failed = invoke(region, name, {"Title": "bállad", "Verses": [1, 2]})
    assert failed is None, answer
    assert answer.pop("Net").split(".")[0] == runtime.removeprefix("dotnet")
    assert answer == {"Title": "bállad", "Verses": 2, "Function": name, "Left": True, "Traced": True}
    error, failed = invoke(region, name, {"Title": "x"})
    assert (failed, error["errorType"], error["errorMessage"]) == ("Unhandled", "ArgumentException", "a string broke")
    assert error["stackTrace"][0].startswith("at Band.Lute.Play(Song song, ILambdaContext context)"), error
    for words in ("\tinfo\tsung\ntwice\n", "\tinfo\tlogged\n"):
        eventually(lambda: any(line.endswith(words) for line in logged(region, f"/aws/lambda/{name}")))


def test_an_executable_assembly(region, name, built):
    runtime, package = built
    create(region, name, package, runtime=runtime, handler="Alone", MemorySize=512, Timeout=20)
    assert invoke(region, name, {"a": 1}) == ({"alone": {"a": 1}}, None)
    # `bootstrap.sh` of aws/aws-lambda-dotnet: 104 where it is not there.
    create(region, name + "-a", package, runtime=runtime, handler="Absent", MemorySize=512, Timeout=20)
    error, failed = invoke(region, name + "-a")
    assert (failed, error["errorType"]) == ("Unhandled", "Runtime.ExitError") and "104" in error["errorMessage"]
