//! Secrets as files that only this user may read.

use std::io::{self, Write};
use std::path::PathBuf;

use async_trait::async_trait;
use platform::secrets::{Secret, SecretError, Secrets};

use crate::files::{self, Unfinished, blocking};

/// The store of secrets: one file each in a directory, as private as the file system allows.
#[derive(Clone, Debug)]
pub struct FileSecrets {
    directory: PathBuf,
}

impl FileSecrets {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }
}

fn error(problem: io::Error) -> SecretError {
    SecretError::Unavailable(problem.to_string())
}

#[async_trait]
impl Secrets for FileSecrets {
    async fn put(&self, name: &str, secret: Secret) -> Result<(), SecretError> {
        let target = files::path_of(&self.directory, name);
        blocking(move || {
            let (unfinished, mut file) = Unfinished::create(target)?;
            file.write_all(secret.expose().as_bytes())?;
            unfinished.finish(&file)
        })
        .await
        .map_err(error)
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        let path = files::path_of(&self.directory, name);
        blocking(move || match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(problem) => Err(problem),
        })
        .await
        .map_err(error)
    }

    async fn delete(&self, name: &str) -> Result<(), SecretError> {
        let path = files::path_of(&self.directory, name);
        blocking(move || files::delete(&path)).await.map_err(error)
    }
}
