//! Setting the region up: single signed calls, and the principal that is measured.
//!
//! Measured is a role with one policy, under `enforce`: what an application is, not the root.

use crate::http::Connection;
use crate::load::{assemble, shown};
use crate::sigv4::{Credentials, Signer, Unsigned};
use crate::template::xml_text;
use std::time::{Duration, Instant};

/// Everything the measured cases call, and nothing else.
const ROLE_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":[
"dynamodb:GetItem","dynamodb:PutItem","dynamodb:UpdateItem","dynamodb:Query","dynamodb:BatchWriteItem",
"sqs:SendMessage","sqs:ReceiveMessage","sqs:DeleteMessage","sns:Publish",
"s3:PutObject","s3:GetObject","s3:ListBucket","lambda:InvokeFunction"]}]}"#;
const MAY_ASSUME: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::000000000000:root"}}]}"#;
const IAM_VERSION: &str = "2010-05-08";
const STS_VERSION: &str = "2011-06-15";

/// Calls a region as one key.
pub struct Admin {
    signer: Signer,
    connection: Connection,
    host: String,
}

impl Admin {
    /// Over a connection of its own.
    pub fn new(port: u16, credentials: Credentials) -> Self {
        Admin {
            signer: Signer::new(credentials),
            connection: Connection::new(port),
            host: format!("127.0.0.1:{port}"),
        }
    }

    /// The body of a successful answer.
    pub async fn call(&mut self, request: Unsigned<'_>) -> Result<Vec<u8>, String> {
        let headers = self.signer.sign(&self.host, &request);
        let bytes = assemble(&request, &headers);
        let sent = tokio::time::timeout(Duration::from_secs(60), self.connection.send(&bytes, false)).await;
        let name = format!("{} {} {}", request.service, request.method, request.path);
        let answer =
            sent.map_err(|_| format!("{name}: no answer"))?.map_err(|error| format!("{name}: {error}"))?;
        match answer.status {
            200..300 => Ok(answer.body),
            status => Err(format!("{name}: {status}: {}", shown(&answer.body))),
        }
    }

    /// A call of a JSON protocol; `target` is the value of `X-Amz-Target`.
    pub async fn json(&mut self, service: &str, target: &str, body: &str) -> Result<Vec<u8>, String> {
        let headers = json_headers(target);
        let request = Unsigned {
            service,
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: body.as_bytes(),
        };
        self.call(request).await.map_err(|error| format!("{target}: {error}"))
    }

    /// A call of the query protocol.
    pub async fn query(
        &mut self,
        service: &str,
        version: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, String> {
        let mut form = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            form.push_str(&format!("&{name}={}", percent_encoded(value)));
        }
        let headers = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        let request = Unsigned {
            service,
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: form.as_bytes(),
        };
        let body = self.call(request).await.map_err(|error| format!("{action}: {error}"))?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// A call of S3 or Lambda.
    pub async fn rest(
        &mut self,
        service: &str,
        method: &str,
        path: &str,
        query: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, String> {
        let headers = [(
            "content-type".to_owned(),
            if service == "s3" { "application/xml" } else { "application/json" }.to_owned(),
        )];
        self.call(Unsigned { service, method, path, query, headers: &headers, body }).await
    }

    /// Repeats a JSON call until its answer contains a text.
    pub async fn json_until(
        &mut self,
        service: &str,
        target: &str,
        body: &str,
        text: &str,
    ) -> Result<(), String> {
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end {
            let answer = self.json(service, target, body).await?;
            if String::from_utf8_lossy(&answer).contains(text) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(format!("{target}: never answered {text}"))
    }
}

/// The headers of a JSON call.
pub fn json_headers(target: &str) -> Vec<(String, String)> {
    let version = if target.starts_with("Logs") { "1.1" } else { "1.0" };
    vec![
        ("content-type".into(), format!("application/x-amz-json-{version}")),
        ("x-amz-target".into(), target.into()),
    ]
}

/// Makes a user that may assume a role, the role with its one policy, and a session of it.
pub async fn role_session(admin: &mut Admin, port: u16) -> Result<Credentials, String> {
    let user = [("UserName", "bench")];
    admin.query("iam", IAM_VERSION, "CreateUser", &user).await?;
    let policy = [user[0], ("PolicyName", "may-assume"), ("PolicyDocument", MAY_ASSUME)];
    admin.query("iam", IAM_VERSION, "PutUserPolicy", &policy).await?;
    let key = admin.query("iam", IAM_VERSION, "CreateAccessKey", &user).await?;
    let role = [("RoleName", "bench"), ("AssumeRolePolicyDocument", TRUST)];
    let made = admin.query("iam", IAM_VERSION, "CreateRole", &role).await?;
    let policy = [role[0], ("PolicyName", "bench"), ("PolicyDocument", ROLE_POLICY)];
    admin.query("iam", IAM_VERSION, "PutRolePolicy", &policy).await?;

    let arn = xml_text(&made, "Arn").ok_or("CreateRole answered no ARN")?;
    let mut user = Admin::new(port, credentials_in(&key)?);
    let session = user
        .query("sts", STS_VERSION, "AssumeRole", &[("RoleArn", arn), ("RoleSessionName", "bench")])
        .await?;
    credentials_in(&session)
}

fn credentials_in(answer: &str) -> Result<Credentials, String> {
    let text =
        |element| xml_text(answer, element).map(|text| text.replace("&#x2B;", "+").replace("&amp;", "&"));
    Ok(Credentials {
        access_key: text("AccessKeyId").ok_or("no AccessKeyId in the answer")?,
        secret_key: text("SecretAccessKey").ok_or("no SecretAccessKey in the answer")?,
        token: text("SessionToken"),
    })
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_from_an_answer() {
        let answer = "<R><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>a&#x2B;b/c</SecretAccessKey><SessionToken>t=</SessionToken></R>";
        let found = credentials_in(answer).unwrap();
        assert_eq!((found.secret_key.as_str(), found.token.as_deref()), ("a+b/c", Some("t=")));
        assert!(credentials_in("<R/>").is_err());
        assert_eq!(percent_encoded("a b{\u{fc}"), "a%20b%7B%C3%BC");
    }
}
