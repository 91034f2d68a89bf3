//! A query at work: bytes in, results out, a piece at a time.

use super::Fault;
use super::bunzip;
use super::eval::{self, Record, Scope, Tally};
use super::input::{Format, Reader};
use super::output::Writer;
use super::parser::{self, Expr, Query, Step as PathStep};
use super::value::Value;
use flate2::write::MultiGzDecoder;
use names::Timestamp;
use std::io::Write;

/// Packed bytes that are unpacked at once: they may become a thousand times as many.
const UNPACKED_AT_ONCE: usize = 16 * 1024;

/// Unpacked bytes of bzip2 that are worked on at once.
const PIECE: usize = 64 * 1024;

/// How an object is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    None,
    /// With gzip.
    Gzip,
    /// With bzip2.
    Bzip2,
}

/// What unpacks it.
enum Unpacking {
    None,
    Gzip(MultiGzDecoder<Vec<u8>>),
    Bzip2(bunzip::Unpacker),
}

fn not_packed() -> Fault {
    Fault::new(
        "InvalidCompressionFormat",
        "The file is not in a supported compression format. Only GZIP and BZIP2 are supported.",
    )
}

/// What a query is made of.
pub struct Setup<'a> {
    /// The SQL.
    pub query: &'a str,
    /// How the records are written.
    pub format: Format,
    /// How they are packed.
    pub packing: Packing,
    /// How the results are.
    pub writer: Writer,
    /// The time of the query.
    pub now: Timestamp,
}

/// What came of a piece of input.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Results.
    pub results: Vec<u8>,
    /// Nothing more can come of the rest.
    pub done: bool,
    /// More comes of what was taken already.
    pub more: bool,
}

/// A query at work.
pub struct Machine {
    query: Query,
    reader: Reader,
    writer: Writer,
    unpacking: Unpacking,
    tallies: Vec<Tally>,
    given: u64,
    now: Timestamp,
    /// Bytes of records that were read.
    pub processed: u64,
}

impl Machine {
    /// A query that has seen nothing yet.
    ///
    /// # Errors
    /// Where it is none.
    pub fn new(setup: Setup<'_>) -> Result<Self, Fault> {
        let mut query = parser::parse(setup.query)?;
        name_records(&mut query);
        let tallies = eval::tallies(&query);
        let plain = |expr: &Expr| matches!(expr, Expr::Path(_));
        if !tallies.is_empty() && query.items.iter().flatten().any(|item| plain(&item.expr)) {
            return Err(Fault::new(
                "UnsupportedSqlStructure",
                "Encountered an unsupported SQL structure: columns beside aggregates.",
            ));
        }
        Ok(Machine {
            reader: Reader::new(setup.format, query.source.clone()),
            query,
            writer: setup.writer,
            unpacking: match setup.packing {
                Packing::None => Unpacking::None,
                Packing::Gzip => Unpacking::Gzip(MultiGzDecoder::new(Vec::new())),
                Packing::Bzip2 => Unpacking::Bzip2(bunzip::Unpacker::default()),
            },
            tallies,
            given: 0,
            now: setup.now,
            processed: 0,
        })
    }

    /// Takes bytes; `end` where they are the last.
    ///
    /// # Errors
    /// Where they are not what was said, or the query fails on a record.
    pub fn take(&mut self, bytes: &[u8], end: bool) -> Result<Step, Fault> {
        let mut step = Step::default();
        match &mut self.unpacking {
            Unpacking::None => {
                self.records(bytes, end, &mut step)?;
                return Ok(step);
            }
            Unpacking::Bzip2(unpacker) => {
                unpacker.feed(bytes);
                let piece = unpacker.next(PIECE, end).map_err(|_| not_packed())?;
                step.more = !piece.is_empty();
                self.records(&piece, end && piece.is_empty(), &mut step)?;
                return Ok(step);
            }
            Unpacking::Gzip(_) => {}
        }
        for piece in bytes.chunks(UNPACKED_AT_ONCE) {
            let unpacked = self.unpacked(|unpacker| unpacker.write_all(piece))?;
            self.records(&unpacked, false, &mut step)?;
            if step.done {
                return Ok(step);
            }
        }
        if end {
            let rest = self.unpacked(MultiGzDecoder::try_finish)?;
            self.records(&rest, true, &mut step)?;
        }
        Ok(step)
    }

    fn unpacked(
        &mut self,
        work: impl FnOnce(&mut MultiGzDecoder<Vec<u8>>) -> std::io::Result<()>,
    ) -> Result<Vec<u8>, Fault> {
        let Unpacking::Gzip(unpacker) = &mut self.unpacking else { return Ok(Vec::new()) };
        work(unpacker).map_err(|_| not_packed())?;
        Ok(std::mem::take(unpacker.get_mut()))
    }

    fn records(&mut self, bytes: &[u8], end: bool, step: &mut Step) -> Result<(), Fault> {
        self.processed += bytes.len() as u64;
        for record in self.reader.read(bytes, end)? {
            if self.is_full() {
                break;
            }
            self.record(record, &mut step.results)?;
        }
        if self.is_full() && self.tallies.is_empty() {
            step.done = true;
        }
        if (end || step.done) && !self.tallies.is_empty() {
            let values: Vec<Value> = self.tallies.iter().map(Tally::value).collect();
            let none = Record::Value(Value::Missing);
            self.give(none, Some(&values), &mut step.results)?;
            step.done = true;
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.query.limit.is_some_and(|limit| self.given >= limit)
    }

    fn record(&mut self, record: Record, out: &mut Vec<u8>) -> Result<(), Fault> {
        let alias = self.query.alias.as_deref();
        let scope = Scope { record: &record, alias, now: self.now, aggregates: None };
        if let Some(filter) = &self.query.filter
            && !eval::is_true(&eval::evaluate(filter, &scope, &mut 0)?)
        {
            return Ok(());
        }
        self.given += 1;
        if self.tallies.is_empty() {
            return self.give(record, None, out);
        }
        self.tallies.iter_mut().try_for_each(|tally| tally.add(&scope))
    }

    fn give(&self, record: Record, aggregates: Option<&[Value]>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let members = match &self.query.items {
            None => record.members(),
            Some(items) => {
                let scope =
                    Scope { record: &record, alias: self.query.alias.as_deref(), now: self.now, aggregates };
                let (mut met, mut members) = (0, Vec::with_capacity(items.len()));
                for (at, item) in items.iter().enumerate() {
                    let value = eval::evaluate(&item.expr, &scope, &mut met)?;
                    members.push((name_of(item, at), value));
                }
                members
            }
        };
        self.writer.write(&members, out);
        Ok(())
    }
}

/// Records without a name have that of what leads to them: `S3Object[*].rows` are `rows`.
fn name_records(query: &mut Query) {
    let last = query.source.iter().rev().find_map(|step| match step {
        PathStep::Member(name, _) => Some(name.clone()),
        _ => None,
    });
    query.alias = query.alias.take().or(last);
}

/// The name of a value: its own, that of its column, or its place.
fn name_of(item: &parser::Item, at: usize) -> String {
    let column = match &item.expr {
        Expr::Path(steps) => steps.last(),
        _ => None,
    };
    match (&item.name, column) {
        (Some(name), _) => name.clone(),
        (None, Some(PathStep::Member(name, _))) => name.clone(),
        _ => format!("_{}", at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::super::input::{Csv, Header};
    use super::*;
    use base64::Engine;

    const PEOPLE: &str = "name,age,city\nAnn,31,Oslo\nBob,9,Rome\nCyd,44,Oslo\n";

    fn csv() -> Format {
        Format::Csv(Csv {
            header: Header::Use,
            comment: None,
            escape: b'"',
            record: b"\n".to_vec(),
            field: b",".to_vec(),
            quote: Some(b'"'),
        })
    }

    fn run(query: &str, format: Format, input: &[u8], packing: Packing) -> Result<String, Fault> {
        let writer = Writer::Json("\n".to_owned());
        let mut machine = Machine::new(Setup { query, format, packing, writer, now: Timestamp(0) })?;
        let mut out = machine.take(&input[..input.len() / 2], false)?;
        if !out.done {
            let mut rest = &input[input.len() / 2..];
            loop {
                let step = machine.take(rest, true)?;
                out.results.extend(step.results);
                if !step.more || step.done {
                    break;
                }
                rest = &[];
            }
        }
        Ok(String::from_utf8(out.results).unwrap())
    }

    #[test]
    fn over_csv() {
        for (query, expected) in [
            ("SELECT s.name FROM S3Object s WHERE s.age > 10", "{\"name\":\"Ann\"}\n{\"name\":\"Cyd\"}\n"),
            ("SELECT _1 AS n FROM S3Object LIMIT 1", "{\"n\":\"Ann\"}\n"),
            ("SELECT COUNT(*) FROM S3Object", "{\"_1\":3}\n"),
            (
                "SELECT SUM(CAST(age AS INT)) AS total, AVG(age), MAX(name) FROM S3Object WHERE city = 'Oslo'",
                "{\"total\":75,\"_2\":37.5,\"_3\":\"Cyd\"}\n",
            ),
            (
                "SELECT name FROM S3Object WHERE city LIKE 'R%' AND age NOT IN ('1', 2)",
                "{\"name\":\"Bob\"}\n",
            ),
            ("SELECT age * 2 + 1 AS x FROM S3Object WHERE name = 'Bob'", "{\"x\":19}\n"),
            (
                "SELECT * FROM S3Object WHERE nothing IS MISSING LIMIT 1",
                "{\"name\":\"Ann\",\"age\":\"31\",\"city\":\"Oslo\"}\n",
            ),
            (
                "SELECT CASE WHEN CAST(age AS INT) < 18 THEN 'child' ELSE 'adult' END AS k FROM S3Object LIMIT 2",
                "{\"k\":\"adult\"}\n{\"k\":\"child\"}\n",
            ),
        ] {
            assert_eq!(run(query, csv(), PEOPLE.as_bytes(), Packing::None).unwrap(), expected, "{query}");
        }
        let fault = run("SELECT CAST(name AS INT) FROM S3Object", csv(), PEOPLE.as_bytes(), Packing::None);
        assert_eq!(fault.unwrap_err().code, "CastFailed");
    }

    #[test]
    fn over_json() {
        let document = br#"{"rows":[{"id":1,"tags":["a","b"]},{"id":2,"tags":[]}]}"#;
        for (query, expected) in [
            ("SELECT r.id FROM S3Object[*].rows[*] r", "{\"id\":1}\n{\"id\":2}\n"),
            ("SELECT r.tags[0] AS t FROM S3Object[*].rows[*] r WHERE r.id = 1", "{\"t\":\"a\"}\n"),
            ("SELECT s.rows[1].id FROM S3Object s", "{\"id\":2}\n"),
        ] {
            assert_eq!(run(query, Format::Document, document, Packing::None).unwrap(), expected, "{query}");
        }
        // A path that leads nowhere gives an empty record (S3 User Guide, "SELECT command", the example of the FROM
        // clause's path); a list at the top is one record (moto's test_extensive_json__select_list, run on AWS).
        let rules = br#"{"Rules":[{"id":"1"},{"x":1}]}{"other":2}"#;
        let found = run("SELECT id FROM S3Object[*].Rules[*].id", Format::Lines, rules, Packing::None);
        assert_eq!(found.unwrap(), "{\"id\":\"1\"}\n{}\n{}\n");
        let list = br#"[{"staff":[{"name":"a"}]}]"#;
        let found = run("SELECT * FROM S3Object[*].staff[*] s", Format::Document, list, Packing::None);
        assert_eq!(found.unwrap(), "{}\n");
        let lines = b"{\"a\":1}\n{\"a\":2}\n{\"b\":3}\n";
        let found =
            run("SELECT * FROM S3Object s WHERE s.a IS NOT MISSING", Format::Lines, lines, Packing::None);
        assert_eq!(found.unwrap(), "{\"a\":1}\n{\"a\":2}\n");
    }

    #[test]
    fn packed() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(PEOPLE.as_bytes()).unwrap();
        let packed = packer.finish().unwrap();
        assert_eq!(
            run("SELECT COUNT(*) FROM S3Object", csv(), &packed, Packing::Gzip).unwrap(),
            "{\"_1\":3}\n"
        );
        let fault =
            run("SELECT COUNT(*) FROM S3Object", csv(), PEOPLE.as_bytes(), Packing::Gzip).unwrap_err();
        assert_eq!(fault.code, "InvalidCompressionFormat");
        // Python's `bz2.compress` of the same.
        let packed = base64::engine::general_purpose::STANDARD.decode("QlpoOTFBWSZTWaavT/kAABNfgAAQAAQsIDgAkAA+p4wgIAAxQADQMmQNU9QMPVDNTJ4pDKjerOpkCd0B0QCldSwzjLiW06K4wzB4j8XckU4UJCmr0/5A").unwrap();
        let counted = run("SELECT COUNT(*) FROM S3Object", csv(), &packed, Packing::Bzip2);
        assert_eq!(counted.unwrap(), "{\"_1\":3}\n");
        let fault =
            run("SELECT COUNT(*) FROM S3Object", csv(), PEOPLE.as_bytes(), Packing::Bzip2).unwrap_err();
        assert_eq!(fault.code, "InvalidCompressionFormat");
    }
}
