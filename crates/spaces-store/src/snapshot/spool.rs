//! Bytes that wait for their upload: in memory while they are few, then in a file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::digest::{ContentHash, Hasher};

/// Where a growing document is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolConfig {
    /// The folder of temporary files; `None` is the system's. Files have no name there (on Unix), so that nothing stays
    /// behind after a crash.
    pub dir: Option<PathBuf>,
    /// Documents up to this many bytes never touch the disk. Default: 8 MiB.
    pub memory_limit: usize,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self {
            dir: None,
            memory_limit: 8 << 20,
        }
    }
}

/// Finished bytes with their length and hash. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Spool {
    len: u64,
    sha256: ContentHash,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    Memory(Bytes),
    /// The lock keeps a seek and the read after it together.
    File(Arc<Mutex<File>>),
}

impl Spool {
    /// How many bytes there are.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Their hash.
    pub const fn sha256(&self) -> ContentHash {
        self.sha256
    }

    /// Whether they are kept in memory.
    pub const fn is_in_memory(&self) -> bool {
        matches!(self.body, Body::Memory(_))
    }

    /// The bytes from `offset`, `len` of them or as many as there are.
    ///
    /// # Errors
    /// Fails when the temporary file cannot be read.
    pub async fn read(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let rest = self.len.saturating_sub(offset);
        let len = usize::try_from(rest).map_or(len, |rest| rest.min(len));
        match &self.body {
            Body::Memory(bytes) => {
                let start = usize::try_from(offset)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                Ok(bytes.slice(start..start + len))
            }
            Body::File(file) => {
                let file = Arc::clone(file);
                tokio::task::spawn_blocking(move || read_at(&file, offset, len))
                    .await
                    .map_err(io::Error::other)?
            }
        }
    }
}

fn read_at(file: &Mutex<File>, offset: u64, len: usize) -> io::Result<Bytes> {
    let mut buffer = vec![0; len];
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut buffer)?;
    Ok(buffer.into())
}

impl From<Bytes> for Spool {
    fn from(bytes: Bytes) -> Self {
        Self {
            len: bytes.len() as u64,
            sha256: ContentHash::of(&bytes),
            body: Body::Memory(bytes),
        }
    }
}

impl From<Vec<u8>> for Spool {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

/// A spool that still grows. All writes are appended and hashed.
#[derive(Debug)]
pub(super) struct SpoolWriter {
    config: SpoolConfig,
    hasher: Hasher,
    /// Everything so far, or what the file does not have yet.
    buffer: Vec<u8>,
    file: Option<File>,
}

/// How much is collected before it is written to the file.
const FILE_BUFFER: usize = 256 << 10;

impl SpoolWriter {
    pub(super) fn new(config: SpoolConfig) -> Self {
        Self {
            config,
            hasher: Hasher::new(),
            buffer: Vec::new(),
            file: None,
        }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        if self.file.is_none() && self.buffer.len() + bytes.len() > self.config.memory_limit {
            self.file = Some(match &self.config.dir {
                Some(dir) => tempfile::tempfile_in(dir)?,
                None => tempfile::tempfile()?,
            });
        }
        let Some(file) = &mut self.file else {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        };
        if self.buffer.len() + bytes.len() > FILE_BUFFER {
            file.write_all(&self.buffer)?;
            self.buffer.clear();
            self.buffer.shrink_to(FILE_BUFFER);
        }
        if bytes.len() > FILE_BUFFER {
            file.write_all(bytes)
        } else {
            self.buffer.extend_from_slice(bytes);
            Ok(())
        }
    }

    pub(super) fn finish(self) -> io::Result<Spool> {
        let len = self.hasher.len();
        let sha256 = self.hasher.finish();
        let body = match self.file {
            None => Body::Memory(self.buffer.into()),
            Some(mut file) => {
                file.write_all(&self.buffer)?;
                Body::File(Arc::new(Mutex::new(file)))
            }
        };
        Ok(Spool { len, sha256, body })
    }
}
