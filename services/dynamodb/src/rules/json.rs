//! Items in the JSON of the API, as files of exports and imports hold them.

use super::value::{Item, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value as Json, json};

/// The line of an item: `{"Item":{"id":{"S":"1"}}}`.
pub fn line(item: &Item) -> String {
    json!({ "Item": attributes(item) }).to_string()
}

/// The line of a change: the moment of the last write in microseconds, and the key and the images by name.
pub fn change_line(micros: i64, images: &[(&str, &Item)]) -> String {
    let mut line = Map::new();
    let written = json!({ "N": micros.to_string() });
    line.insert("Metadata".to_owned(), json!({ "WriteTimestampMicros": written }));
    line.extend(images.iter().map(|(name, item)| ((*name).to_owned(), attributes(item))));
    Json::Object(line).to_string()
}

fn attributes(item: &Item) -> Json {
    Json::Object(item.iter().map(|(name, value)| (name.clone(), written(value))).collect())
}

fn written(value: &Value) -> Json {
    match value {
        Value::S(text) => json!({ "S": text }),
        Value::N(text) => json!({ "N": text }),
        Value::B(bytes) => json!({ "B": STANDARD.encode(bytes) }),
        Value::SS(set) => json!({ "SS": set }),
        Value::NS(set) => json!({ "NS": set }),
        Value::BS(set) => json!({ "BS": set.iter().map(|bytes| STANDARD.encode(bytes)).collect::<Vec<_>>() }),
        Value::M(map) => json!({ "M": attributes(map) }),
        Value::L(list) => json!({ "L": list.iter().map(written).collect::<Vec<_>>() }),
        Value::NULL(is_null) => json!({ "NULL": is_null }),
        Value::BOOL(truth) => json!({ "BOOL": truth }),
        Value::Unset | Value::Many(_) => json!({}),
    }
}

/// The item of a line; `None` where it holds none.
pub fn item(line: &Json) -> Option<Item> {
    read_attributes(line.as_object()?.get("Item")?.as_object()?)
}

fn read_attributes(map: &Map<String, Json>) -> Option<Item> {
    map.iter().map(|(name, value)| Some((name.clone(), read(value)?))).collect()
}

fn texts(json: &Json) -> Option<Vec<String>> {
    json.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

fn blob(json: &Json) -> Option<Bytes> {
    STANDARD.decode(json.as_str()?).ok().map(Bytes::from)
}

/// A value; its depth is bounded by the parser of the text.
fn read(json: &Json) -> Option<Value> {
    let map = json.as_object().filter(|map| map.len() == 1)?;
    let (kind, json) = map.iter().next()?;
    Some(match kind.as_str() {
        "S" => Value::S(json.as_str()?.to_owned()),
        "N" => Value::N(json.as_str()?.to_owned()),
        "B" => Value::B(blob(json)?),
        "SS" => Value::SS(texts(json)?),
        "NS" => Value::NS(texts(json)?),
        "BS" => Value::BS(json.as_array()?.iter().map(blob).collect::<Option<_>>()?),
        "M" => Value::M(read_attributes(json.as_object()?)?),
        "L" => Value::L(json.as_array()?.iter().map(read).collect::<Option<_>>()?),
        "NULL" => Value::NULL(json.as_bool()?),
        "BOOL" => Value::BOOL(json.as_bool()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_its_key_and_images() {
        let key: Item = [("id".to_owned(), Value::S("1".into()))].into();
        assert_eq!(
            change_line(7_000, &[("Keys", &key), ("NewImage", &key)]),
            r#"{"Keys":{"id":{"S":"1"}},"Metadata":{"WriteTimestampMicros":{"N":"7000"}},"NewImage":{"id":{"S":"1"}}}"#
        );
    }

    #[test]
    fn every_type_comes_back() {
        let of = |text: &str| item(&serde_json::from_str(text).unwrap());
        let text = concat!(
            r#"{"Item":{"a":{"S":"x"},"b":{"N":"1"},"c":{"B":"AAE="},"d":{"SS":["x","y"]},"e":{"NS":["1"]},"#,
            r#""f":{"BS":["AA=="]},"g":{"M":{"h":{"L":[{"NULL":true},{"BOOL":false}]}}}}}"#
        );
        assert_eq!(line(&of(text).unwrap()), text);
        for bad in [
            "{}",
            r#"{"Item":[]}"#,
            r#"{"a":{"S":"x"}}"#,
            r#"{"Item":{"a":"x"}}"#,
            r#"{"Item":{"a":{"S":1}}}"#,
            r#"{"Item":{"a":{"B":"?"}}}"#,
            r#"{"Item":{"a":{"S":"x","N":"1"}}}"#,
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
