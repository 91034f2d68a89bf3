//! Loading a saved state: it is read into a store of its own beside the present one, which takes its place
//! only when it was found whole and a region stands over it. Whatever fails before, nothing is lost.

use crate::region::Ground;
use engine_fjall::FjallEngine;
use gateway::{Door, Load, LoadRefused, Region};
use service::Log;
use std::io::{self, Read};
use store::{ArchiveError, Archived, DataDirectory, Engine, EngineError, MemoryEngine, Options, Store};

/// Why a saved state cannot be loaded.
pub enum Unloaded {
    /// It is none, damaged or too new.
    Unfit(String),
    /// It could not be done.
    Failed(String),
}

impl From<ArchiveError> for Unloaded {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::DiskFull | ArchiveError::Fault(_) => Unloaded::Failed(error.to_string()),
            _ => Unloaded::Unfit(error.to_string()),
        }
    }
}

impl From<io::Error> for Unloaded {
    fn from(error: io::Error) -> Self {
        Unloaded::Failed(error.to_string())
    }
}

impl From<EngineError> for Unloaded {
    fn from(error: EngineError) -> Self {
        Unloaded::Failed(error.to_string())
    }
}

impl From<Unloaded> for String {
    fn from(why: Unloaded) -> Self {
        match why {
            Unloaded::Unfit(why) | Unloaded::Failed(why) => why,
        }
    }
}

impl From<Unloaded> for LoadRefused {
    fn from(why: Unloaded) -> Self {
        match why {
            Unloaded::Unfit(why) => LoadRefused::Unfit(why),
            Unloaded::Failed(why) => LoadRefused::Failed(why),
        }
    }
}

/// Reads a saved state into a store beside the present one, of the same kind. Blocks.
pub fn beside(store: &Store, input: &mut dyn Read) -> Result<(Store, Archived), Unloaded> {
    let (engine, options): (Box<dyn Engine>, Options) = match store.directory() {
        None => (Box::new(MemoryEngine::new()), Options::in_memory()),
        Some(directory) => {
            let staged = directory.stage()?;
            let engine = FjallEngine::open(&staged.engine_path())?;
            let options =
                Options::in_directory(staged).map_err(|error| Unloaded::Failed(error.to_string()))?;
            (Box::new(engine), options)
        }
    };
    match store::load(input, engine.as_ref(), &options) {
        Ok(archived) => {
            let opened = Store::open(engine, options).map_err(|error| Unloaded::Failed(error.to_string()))?;
            Ok((opened, archived))
        }
        Err(error) => {
            // The engine first: its files go with the options.
            drop(engine);
            // A client that still sends would not read the answer.
            let _ = io::copy(input, &mut io::sink());
            Err(error.into())
        }
    }
}

/// Has a loaded store take the place of the present one, whatever happens from here on.
pub fn adopt(former: &Store, loaded: &Store) -> io::Result<()> {
    match (former.directory(), loaded.directory()) {
        (Some(former), Some(loaded)) => DataDirectory::adopt(loaded, former),
        _ => Ok(()),
    }
}

/// A region over its store.
pub struct Standing {
    /// The region.
    pub region: Region,
    /// Its store.
    pub store: Store,
}

impl Standing {
    /// Puts a region together over a store.
    pub async fn over(ground: &Ground, store: Store) -> Result<Self, String> {
        let region = ground.assemble(store.clone()).await?;
        Ok(Standing { region, store })
    }

    /// Loads a saved state and says what became of it. Gives the region that stands now.
    ///
    /// # Errors
    /// If no region stands any more.
    pub async fn load(self, ground: &Ground, door: &Door, load: Load) -> Result<Self, String> {
        let (present, mut input) = (self.store.clone(), gateway::reader(&load.body));
        let read = tokio::task::spawn_blocking(move || beside(&present, &mut input)).await;
        let read = read.unwrap_or_else(|_| Err(Unloaded::Failed("reading it failed".to_owned())));
        let (standing, outcome) = match read {
            Err(why) => (self, Err(why)),
            Ok((loaded, archived)) => {
                let (standing, replaced) = self.replace(ground, door, loaded).await?;
                (standing, replaced.map(|()| archived).map_err(Unloaded::Failed))
            }
        };
        // A client that has gone away finds the state loaded.
        let _ = load.answer.send(outcome.map_err(LoadRefused::from));
        Ok(standing)
    }

    /// Ends this region and begins one over another store; where that fails, over its own again.
    async fn replace(
        self,
        ground: &Ground,
        door: &Door,
        loaded: Store,
    ) -> Result<(Self, Result<(), String>), String> {
        door.close();
        let former = self.store;
        self.region.stop().await;
        let (standing, outcome) = match Self::over(ground, loaded).await {
            Err(why) => (Self::over(ground, former).await?, Err(why)),
            Ok(standing) => match adopt(&former, &standing.store) {
                Ok(()) => {
                    close(former).await;
                    (standing, Ok(()))
                }
                Err(error) => {
                    standing.region.stop().await;
                    (Self::over(ground, former).await?, Err(error.to_string()))
                }
            },
        };
        door.open(standing.region.pipeline().clone());
        Ok((standing, outcome))
    }
}

/// Closes a store whose state is not the present one any more.
async fn close(store: Store) {
    let closed = tokio::task::spawn_blocking(move || store.close()).await;
    if !matches!(closed, Ok(Ok(()))) {
        Log::warn("state", "the store of the former state did not close cleanly");
    }
}
