"""Ruby functions, by whichever of the versions of Lambda this machine has."""

import shutil
import subprocess

import pytest

from test_lambda import create, invoke, logged, package

VERSIONS = ["3.2", "3.3", "3.4", "4.0"]


def installed():
    """The versions of Lambda that the machine has."""
    said = set()
    for program in ["ruby", *(f"ruby{version}" for version in VERSIONS)]:
        if shutil.which(program):
            answer = subprocess.run([program, "-e", "puts RUBY_VERSION"], capture_output=True, text=True, check=True)
            said.add(answer.stdout.strip().rpartition(".")[0])
    return [version for version in VERSIONS if version in said]


@pytest.mark.skipif(not installed(), reason=f"there is no Ruby {' or '.join(VERSIONS)}")
def test_ruby(region, name, eventually):
    version = installed()[0]
    code = package(app__rb="""
        require "verse"
        require "refrain"
        class Band
          def self.play(event:, context:)
            puts "sung", "twice"
            raise ArgumentError, "a string broke" if event["fail"]
            { event: event, function: context.function_name, left: context.get_remaining_time_in_millis > 0,
              verse: VERSE, refrain: REFRAIN, version: RUBY_VERSION }
          end
        end
    """, verse__rb="VERSE = 'ü'")
    layer = package(**{"ruby/lib/refrain.rb": "REFRAIN = 'la'"})
    published = region.client("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": layer})
    create(region, name, code, runtime=f"ruby{version}", handler="app.Band.play", Timeout=20,
           Layers=[published["LayerVersionArn"]])
    answer, failed = invoke(region, name, {"a": [1, "ü"]})
    assert failed is None, answer
    assert answer.pop("version").startswith(version)
    assert answer == {"event": {"a": [1, "ü"]}, "function": name, "left": True, "verse": "ü", "refrain": "la"}
    error, failed = invoke(region, name, {"fail": True})
    assert (failed, error["errorType"], error["errorMessage"]) == (
        "Unhandled", "Function<ArgumentError>", "a string broke")
    assert error["stackTrace"][0].startswith("/var/task/app.rb:7:in ") or "app.rb:7" in error["stackTrace"][0]
    eventually(lambda: "sung\ntwice\n" in logged(region, f"/aws/lambda/{name}"))


def test_what_is_missing_is_said(region, name):
    missing = next((version for version in VERSIONS if version not in installed()), None)
    if missing is None:
        pytest.skip("this machine has all of them")
    create(region, name, package(app__rb="def run(event:, context:)\nend"), runtime=f"ruby{missing}",
           handler="app.run")
    with pytest.raises(region.client("lambda").exceptions.ClientError) as refused:
        invoke(region, name)
    assert f"no interpreter for ruby{missing} was found: install it" in str(refused.value)
