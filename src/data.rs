//! The folder in which `callboard dev` keeps its database and its secret.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use callboard_shared::{
    auth::AuthSettings,
    config::{ConfigError, folder},
};
use clap::Args;
use secrecy::SecretString;

/// Where `dev` keeps its data.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct DataSettings {
    /// Where the database and the secret are kept.
    #[arg(
        long = "data",
        env = "DATA_DIR",
        value_name = "DIR",
        value_parser = folder,
        default_value = "./data"
    )]
    data_dir: PathBuf,
}

/// Keeps the folder from being used by a second process, until it is dropped.
pub(crate) struct DataLock(#[expect(dead_code, reason = "held for its lock")] File);

impl DataSettings {
    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.data_dir.join("callboard.db")
    }

    /// Makes the folder this process's own: the bus is in the process, so that a second one on the
    /// same database would not hear of what the first one stores.
    pub(crate) fn lock(&self) -> Result<DataLock, ConfigError> {
        self.create()?;
        let path = self.data_dir.join("lock");
        let file = File::create(&path).map_err(|error| self.unusable(&error))?;
        match file.try_lock() {
            Ok(()) => Ok(DataLock(file)),
            Err(TryLockError::WouldBlock) => Err(ConfigError::new(
                "DATA_DIR",
                format!("another callboard uses {}", self.data_dir.display()),
                "a folder of its own for each process",
            )),
            Err(TryLockError::Error(error)) => Err(self.unusable(&error)),
        }
    }

    /// Fills in the secret that `dev` keeps, unless one is set; makes one if there is none yet.
    pub(crate) fn fill_secret(&self, auth: &mut AuthSettings) -> Result<(), ConfigError> {
        if auth.jwt_secret.is_none() {
            self.create()?;
            let secret = read_or_make(&self.data_dir.join("jwt-secret"))
                .map_err(|error| self.unusable(&error))?;
            auth.jwt_secret = Some(secret);
        }
        Ok(())
    }

    fn create(&self) -> Result<(), ConfigError> {
        let created = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.data_dir);
        created.map_err(|error| self.unusable(&error))
    }

    fn unusable(&self, error: &io::Error) -> ConfigError {
        ConfigError::new(
            "DATA_DIR",
            format!("cannot use {}: {error}", self.data_dir.display()),
            "a folder that callboard may write to",
        )
    }
}

fn read_or_make(path: &Path) -> io::Result<SecretString> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(mut file) => {
            let bytes: [u8; 32] = rand::random();
            let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            file.write_all(secret.as_bytes())?;
            Ok(secret.into())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Ok(fs::read_to_string(path)?.trim().to_owned().into())
        }
        Err(error) => Err(error),
    }
}
