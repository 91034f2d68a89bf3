//! Queries over objects: events, errors before the first of them.

use crate::{getting, put, region};
use futures_util::StreamExt;
use model_s3::operations::*;
use model_s3::*;

fn asking(expression: &str) -> SelectObjectContentInput {
    SelectObjectContentInput {
        bucket: "bkt".into(),
        key: getting("people.csv").key,
        expression: expression.into(),
        expression_type: ExpressionType::Sql,
        input_serialization: InputSerialization {
            csv: Some(CSVInput { file_header_info: Some(FileHeaderInfo::Use), ..Default::default() }),
            ..Default::default()
        },
        output_serialization: OutputSerialization { csv: Some(CSVOutput::default()), json: None },
        ..Default::default()
    }
}

#[tokio::test]
async fn results_statistics_and_the_end() {
    let region = region().await;
    let rows: String = (0..60_000).map(|number| format!("{number},name {number}\n")).collect();
    put(&region, "people.csv", format!("id,name\n{rows}")).await;
    let query = "SELECT s.name FROM S3Object s WHERE CAST(s.id AS INT) >= 59998";
    let output = region.call::<SelectObjectContent>(asking(query)).await.unwrap();
    let mut events = output.payload.unwrap().take().unwrap();
    let (mut results, mut kinds) = (Vec::new(), Vec::new());
    while let Some(event) = events.next().await {
        match *event.into_any().downcast::<SelectObjectContentEventStream>().unwrap() {
            SelectObjectContentEventStream::Records(records) => results.extend(records.payload.unwrap()),
            SelectObjectContentEventStream::Stats(stats) => {
                let scanned = stats.details.unwrap().bytes_scanned;
                assert_eq!(scanned, Some(rows.len() as i64 + 8));
                kinds.push("stats");
            }
            SelectObjectContentEventStream::End(_) => kinds.push("end"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(String::from_utf8(results).unwrap(), "name 59998\nname 59999\n");
    assert_eq!(kinds, ["stats", "end"]);
}

#[tokio::test]
async fn what_is_refused() {
    let region = region().await;
    put(&region, "people.csv", "id,name\n1,a\n").await;
    for (query, code) in [
        ("SELEC", "ParseExpectedKeyword"),
        ("SELECT CAST(name AS INT) FROM S3Object", "CastFailed"),
        ("SELECT NOSUCH(name) FROM S3Object", "UnsupportedFunction"),
    ] {
        let refused = region.refused::<SelectObjectContent>(asking(query)).await;
        assert_eq!((refused.code.as_ref(), refused.status), (code, 400), "{query}");
    }
}
