//! Results as bytes: CSV or JSON.

use super::value::Value;

/// How results are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writer {
    /// CSV.
    Csv {
        /// Whether every field is quoted.
        always: bool,
        /// Within quotes, stands before a quote that is meant.
        escape: String,
        /// Between records.
        record: String,
        /// Between fields.
        field: String,
        /// Around a field.
        quote: String,
    },
    /// JSON objects with this behind each.
    Json(String),
}

impl Writer {
    /// Writes one result.
    pub fn write(&self, members: &[(String, Value)], out: &mut Vec<u8>) {
        match self {
            Writer::Json(delimiter) => {
                object(members, out);
                out.extend_from_slice(delimiter.as_bytes());
            }
            Writer::Csv { always, escape, record, field, quote } => {
                for (at, (_, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.extend_from_slice(field.as_bytes());
                    }
                    let text = value.text().unwrap_or_default();
                    let needs = [field, record, quote]
                        .into_iter()
                        .any(|sign| !sign.is_empty() && text.contains(sign.as_str()));
                    if *always || needs {
                        let text = text.replace(quote.as_str(), &format!("{escape}{quote}"));
                        out.extend_from_slice(format!("{quote}{text}{quote}").as_bytes());
                    } else {
                        out.extend_from_slice(text.as_bytes());
                    }
                }
                out.extend_from_slice(record.as_bytes());
            }
        }
    }
}

fn object(members: &[(String, Value)], out: &mut Vec<u8>) {
    out.push(b'{');
    let there = members.iter().filter(|(_, value)| *value != Value::Missing);
    for (at, (name, value)) in there.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        string(name, out);
        out.push(b':');
        json(value, out);
    }
    out.push(b'}');
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
}

fn json(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Map(members) => object(members, out),
        Value::List(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                json(item, out);
            }
            out.push(b']');
        }
        other => out.extend_from_slice(other.json().to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results() {
        let text = |text: &str| text.to_owned();
        let members = vec![
            (text("b"), Value::Text("x,\"y".into())),
            (text("a"), Value::Int(1)),
            (text("c"), Value::Missing),
        ];
        let written = |writer: Writer| {
            let mut out = Vec::new();
            writer.write(&members, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(Writer::Json("\n".into())), "{\"b\":\"x,\\\"y\",\"a\":1}\n");
        let csv = |always| Writer::Csv {
            always,
            escape: text("\""),
            record: text("\n"),
            field: text(","),
            quote: text("\""),
        };
        assert_eq!(written(csv(false)), "\"x,\"\"y\",1,\n");
        assert_eq!(written(csv(true)), "\"x,\"\"y\",\"1\",\"\"\n");
    }
}
