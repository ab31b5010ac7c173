//! Where things are: the root of the work tree, and cargo's target folder.

use std::env;
use std::path::{Path, PathBuf};

use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

use crate::Result;

#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
}

impl Workspace {
    /// Finds the work tree that `cargo xtask` was called in.
    pub(crate) fn find() -> Result<Workspace> {
        // Cargo says at run time which tree it was called in. The path known at compile time may be another
        // tree's, when several share one target folder.
        let manifest_folder = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest_folder
            .parent()
            .ok_or("xtask's folder has no parent")?
            .to_owned();
        Ok(Workspace { root })
    }

    pub(crate) fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// The workspace with its resolved dependencies, every optional feature of ours switched on.
    pub(crate) fn metadata(&self) -> Result<Metadata> {
        Ok(self.metadata_command().exec()?)
    }

    pub(crate) fn target_folder(&self) -> Result<PathBuf> {
        let metadata = self.metadata_command().no_deps().exec()?;
        Ok(metadata.target_directory.into_std_path_buf())
    }

    fn metadata_command(&self) -> MetadataCommand {
        let mut command = MetadataCommand::new();
        command.manifest_path(self.join("Cargo.toml"));
        command.features(CargoOpt::AllFeatures);
        command
    }
}
