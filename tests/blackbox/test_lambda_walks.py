"""Functions as their authors lay them out, and what is left of their events after a crash."""

import io
import json
import os
import shutil
import subprocess
import threading
import zipfile

import pytest

from test_lambda import ROLE, create, invoke, package

PROXIED = {"httpMethod": "GET", "path": "/hello", "queryStringParameters": None, "headers": {}, "body": None}


def test_a_python_service_in_the_layout_of_sam(region, name):
    create(region, name, package(
        app__py="""
            import json

            from greetings.words import hello

            def lambda_handler(event, context):
                return {"statusCode": 200, "body": json.dumps({"message": hello(event["path"])})}
        """,
        **{"greetings/words__py": "def hello(path):\n    return 'hello from ' + path\n", "requirements__txt": ""},
    ), handler="app.lambda_handler")
    answer, failed = invoke(region, name, PROXIED)
    assert failed is None and answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {"message": "hello from /hello"}


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")
def test_a_node_service_in_the_layout_of_sam(region, name):
    create(region, name, package(
        app__mjs="""
            import { greeting } from './lib/greeting.mjs';
            export const lambdaHandler = async (event, context) => ({
                statusCode: 200,
                body: JSON.stringify({ message: greeting(event.path), id: context.awsRequestId }),
            });
        """,
        **{"lib/greeting__mjs": "export const greeting = (path) => `hello from ${path}`;\n",
           "package__json": '{"name": "hello_world", "version": "1.0.0", "main": "app.mjs"}'},
    ), runtime="nodejs20.x", handler="app.lambdaHandler")
    answer, failed = invoke(region, name, PROXIED)
    assert failed is None and answer["statusCode"] == 200
    assert json.loads(answer["body"])["message"] == "hello from /hello"


RUST = r"""
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

fn call(method: &str, path: &str, body: &[u8]) -> std::io::Result<(Vec<String>, Vec<u8>)> {
    let host = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let mut stream = TcpStream::connect(&host)?;
    write!(stream, "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
                    content-length: {}\r\n\r\n", body.len())?;
    stream.write_all(body)?;
    let mut reader = BufReader::new(stream);
    let (mut head, mut line) = (Vec::new(), String::new());
    while reader.read_line(&mut line)? > 2 {
        head.push(line.trim_end().to_owned());
        line.clear();
    }
    let length = head.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut answer = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut answer)?;
    Ok((head, answer))
}

fn main() -> std::io::Result<()> {
    let mut calls = 0;
    loop {
        let (head, event) = call("GET", "invocation/next", b"")?;
        let id = head.iter().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("lambda-runtime-aws-request-id").then(|| value.trim().to_owned())
        }).unwrap();
        calls += 1;
        let answer = format!("{{\"calls\":{calls},\"event\":{}}}", String::from_utf8_lossy(&event));
        call("POST", &format!("invocation/{id}/response"), answer.as_bytes())?;
    }
}
"""


@pytest.mark.skipif(not shutil.which("rustc"), reason="needs rustc")
def test_a_custom_runtime_in_rust(region, name, tmp_path):
    (tmp_path / "bootstrap.rs").write_text(RUST)
    subprocess.run(["rustc", "--edition", "2021", "-o", tmp_path / "bootstrap", tmp_path / "bootstrap.rs"],
                   check=True, timeout=120, env={**os.environ, **toolchain()})
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o100755 << 16
        archive.writestr(entry, (tmp_path / "bootstrap").read_bytes())
    create(region, name, content.getvalue(), runtime="provided.al2023", handler="unused")
    for calls in (1, 2):
        answer, failed = invoke(region, name, {"n": calls})
        assert (failed, answer) == (None, {"calls": calls, "event": {"n": calls}})


def toolchain():
    """The toolchain that rustc stands for where no project chooses one."""
    shown = subprocess.run(["rustup", "show", "active-toolchain"], capture_output=True, text=True, check=False)
    return {"RUSTUP_TOOLCHAIN": shown.stdout.split()[0]} if shown.returncode == 0 else {}


def test_each_accepted_event_is_processed_or_a_dead_letter(fresh_region, name, tmp_path, eventually):
    # The function tells a file of the test's, which no sandbox would show it.
    region, done = fresh_region("--isolation", "process"), tmp_path / "done"
    dead = region.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    create(region, name, """
        import os

        def handler(event, context):
            if event % 4 == 3:
                raise ValueError(event)
            with open(os.environ["DONE"], "a") as done:
                done.write(f"{event}\\n")
    """, Timeout=10, Environment={"Variables": {"DONE": str(done)}}, Role=ROLE,
           DeadLetterConfig={"TargetArn": f"arn:aws:sqs:us-east-1:000000000000:{name}"})
    region.client("lambda").put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    accepted, lock = set(), threading.Lock()

    def send(first, client):
        for number in range(first, 10_000, 4):
            try:
                client.invoke(FunctionName=name, InvocationType="Event", Payload=str(number))
            except Exception:
                return
            with lock:
                accepted.add(number)

    for round_ in range(2):
        client = region.client("lambda")
        begin = len(accepted)
        senders = [threading.Thread(target=send, args=(round_ * 1000 + first, client)) for first in range(4)]
        for sender in senders:
            sender.start()
        eventually(lambda: len(accepted) >= begin + 40, 60)
        region.kill()
        for sender in senders:
            sender.join()
        region.start()

    letters, sqs = set(), region.client("sqs")

    def ended():
        for message in sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10).get("Messages", []):
            letters.add(int(message["Body"]))
            sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
        processed = {int(line) for line in done.read_text().split()} if done.exists() else set()
        return accepted <= processed | letters

    eventually(ended, 90)
    assert all(number % 4 == 3 for number in letters)
