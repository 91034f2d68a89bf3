//! `state`: saving, loading and emptying the state of a region, of one that runs or of a data directory.

use super::{Failure, no_more, say, take_flag};
use crate::client::Client;
use crate::config::{self, Config};
use crate::{loading, region};
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const USAGE: &str = "expected: state save FILE, state load FILE, or state reset [--account ID]";

/// `state save FILE | load FILE | reset [--account ID]`
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let (verb, rest) = arguments.split_first().ok_or_else(|| Failure::Usage(USAGE.to_owned()))?;
    match verb.as_str() {
        "reset" => reset(rest),
        "save" => save(rest),
        "load" => load(rest),
        _ => Err(Failure::Usage(USAGE.to_owned())),
    }
}

fn reset(arguments: &[String]) -> Result<(), Failure> {
    let (account, rest) = take_flag(arguments, "--account")?;
    let (client, rest) = Client::of(&rest)?;
    no_more(&rest)?;
    let body = account.map_or_else(|| json!({}), |account| json!({"account": account}));
    client.json("POST", "/_localstack/state/reset", &body)?;
    say("reset");
    Ok(())
}

/// Where the state is that a command works on.
enum Place {
    /// In a region that runs.
    Region(Client),
    /// In a data directory that no region uses, since the arguments name one.
    Directory(Box<Config>),
}

/// The place and the file that the arguments name.
fn place_and_file(arguments: &[String]) -> Result<(Place, PathBuf), Failure> {
    let (folder, rest) = take_flag(arguments, "--data-dir")?;
    let (place, rest) = match folder {
        Some(folder) => {
            let config = config::read(&["--data-dir".to_owned(), folder]).map_err(Failure::Usage)?;
            (Place::Directory(Box::new(config)), rest)
        }
        None => {
            let (client, rest) = Client::of(&rest)?;
            (Place::Region(client), rest)
        }
    };
    match rest.as_slice() {
        [file] if !file.starts_with("--") => Ok((place, PathBuf::from(file))),
        _ => Err(Failure::Usage(USAGE.to_owned())),
    }
}

fn save(arguments: &[String]) -> Result<(), Failure> {
    let (place, path) = place_and_file(arguments)?;
    // What was saved so far has another name until it is known to be whole.
    let part = PathBuf::from(format!("{}.part", path.display()));
    let _ = std::fs::remove_file(&part);
    let written = write(&part, place);
    let kept = written.and_then(|said| {
        check(&part)?;
        std::fs::rename(&part, &path)?;
        Ok(said)
    });
    match kept {
        Ok(()) => {
            say(&format!("saved to {}", path.display()));
            Ok(())
        }
        Err(failure) => {
            let _ = std::fs::remove_file(&part);
            Err(failure)
        }
    }
}

/// Writes the state of a region or a directory to a new file, which its owner alone may read: secrets
/// are in it.
fn write(part: &Path, place: Place) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part)?;
    let mut out = BufWriter::new(file);
    match place {
        Place::Region(client) => client.download("/_elysium/state/save", &mut out)?,
        Place::Directory(config) => {
            let store = region::open_store(&config).map_err(Failure::Failed)?;
            let saved = store.saving().write(&mut out);
            saved.map_err(|error| Failure::Failed(error.to_string()))?;
            store.close().map_err(|fault| Failure::Failed(fault.to_string()))?;
        }
    }
    out.flush()?;
    Ok(out.get_ref().sync_all()?)
}

/// Reads a saved state to its end.
fn check(path: &Path) -> Result<(), Failure> {
    let checked = store::check(&mut BufReader::new(File::open(path)?));
    checked.map(drop).map_err(|error| Failure::Failed(error.to_string()))
}

fn load(arguments: &[String]) -> Result<(), Failure> {
    let (place, path) = place_and_file(arguments)?;
    let file = File::open(&path).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
    let rows = match place {
        Place::Region(client) => {
            let loaded = client.upload("/_elysium/state/load", file)?;
            loaded.get("rows").and_then(Value::as_u64).unwrap_or(0)
        }
        Place::Directory(config) => load_into(&config, file)?,
    };
    say(&format!("loaded {rows} rows"));
    Ok(())
}

/// Loads a state into a data directory that no region uses.
fn load_into(config: &Config, file: File) -> Result<u64, Failure> {
    let failed = |fault: store::Fault| Failure::Failed(fault.to_string());
    let former = region::open_store(config).map_err(Failure::Failed)?;
    let (loaded, archived) =
        loading::beside(&former, &mut BufReader::new(file)).map_err(|why| Failure::Failed(why.into()))?;
    loaded.close().map_err(failed)?;
    loading::adopt(&former, &loaded)?;
    former.close().map_err(failed)?;
    Ok(archived.rows)
}
