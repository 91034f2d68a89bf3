//! The command line of `bench-load run`.

use std::path::PathBuf;

/// What `run` takes.
pub const USAGE: &str = "--bin PATH [--cases a,b] [--rounds N] [--seconds S] [--quick] [--server-cpu N] \
                         [--data-dir DIR] [--json FILE] [--startup ITEMS] \
                         [--objects NUMBER [--upload-gb SIZE]] [--large-mb SIZE]";

/// What to measure, and how long.
pub struct Options {
    /// The region's binary.
    pub bin: PathBuf,
    /// Names (or their beginnings) of the cases to run; all where empty.
    pub cases: Vec<String>,
    /// Interleaved rounds; medians are reported.
    pub rounds: usize,
    /// Measured seconds of one case against one target in one round.
    pub seconds: f64,
    /// The CPU that servers are pinned to.
    pub server_cpu: Option<u32>,
    /// Where servers keep their files: the disk that is measured.
    pub data_dir: PathBuf,
    /// Where to write every figure.
    pub json: Option<PathBuf>,
    /// Also measure start-up over this many table items.
    pub startup_items: Option<usize>,
    /// Also measure a bucket of this many objects.
    pub objects: Option<usize>,
    /// With it, the gigabytes of a multipart upload.
    pub upload_gb: usize,
    /// Also measure one object of this many megabytes.
    pub large_mb: Option<usize>,
}

impl Options {
    /// Reads the arguments; an unknown one is an error.
    pub fn parse(args: &[String]) -> Result<Self, String> {
        let mut options = Options {
            bin: PathBuf::new(),
            cases: Vec::new(),
            rounds: 3,
            seconds: 2.0,
            server_cpu: None,
            data_dir: std::env::temp_dir(),
            json: None,
            startup_items: None,
            objects: None,
            upload_gb: 0,
            large_mb: None,
        };
        let mut args = args.iter();
        while let Some(name) = args.next() {
            if name == "--quick" {
                options.seconds = 0.5;
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{name} needs a value\nbench-load run {USAGE}"))?;
            match name.as_str() {
                "--bin" => options.bin = value.into(),
                "--cases" => options.cases = value.split(',').map(String::from).collect(),
                "--rounds" => options.rounds = number::<usize>(name, value)?.max(1),
                "--seconds" => options.seconds = number(name, value)?,
                "--server-cpu" => options.server_cpu = Some(number(name, value)?),
                "--data-dir" => options.data_dir = value.into(),
                "--json" => options.json = Some(value.into()),
                "--startup" => options.startup_items = Some(number(name, value)?),
                "--objects" => options.objects = Some(number::<usize>(name, value)?.max(10_000)),
                "--upload-gb" => options.upload_gb = number(name, value)?,
                "--large-mb" => options.large_mb = Some(number::<usize>(name, value)?.clamp(1, 4096)),
                _ => return Err(format!("unknown argument {name}\nbench-load run {USAGE}")),
            }
        }
        if options.bin.as_os_str().is_empty() {
            return Err(format!("--bin is needed\nbench-load run {USAGE}"));
        }
        Ok(options)
    }

    /// Whether a case was asked for.
    pub fn wants(&self, case: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|wanted| case.starts_with(wanted.as_str()))
    }
}

/// A number, or an error that names its option.
pub fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name}: not a number: {value}"))
}
