//! Buffers a document until its upload: in memory up to a limit, then in a temporary file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::digest::{ContentHash, Hasher};

/// Where a document is buffered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolConfig {
    /// The folder of temporary files; `None` is the system's. Files are unnamed (on Unix), so that none remain after a
    /// crash.
    pub dir: Option<PathBuf>,
    /// Documents up to this many bytes stay in memory. Default: 8 MiB.
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

/// A complete document with its length and hash. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Spool {
    len: u64,
    sha256: ContentHash,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    Memory(Bytes),
    /// The lock makes a seek and the following read atomic.
    File(Arc<Mutex<File>>),
}

impl Spool {
    /// The number of bytes.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The SHA-256 of the bytes.
    pub const fn sha256(&self) -> ContentHash {
        self.sha256
    }

    /// Whether the bytes are in memory.
    pub const fn is_in_memory(&self) -> bool {
        matches!(self.body, Body::Memory(_))
    }

    /// At most `len` bytes from `offset`.
    ///
    /// # Errors
    /// If the temporary file cannot be read.
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

/// A spool that is being written. Bytes are appended and hashed.
#[derive(Debug)]
pub(super) struct SpoolWriter {
    config: SpoolConfig,
    hasher: Hasher,
    /// All bytes so far, or those not yet written to the file.
    buffer: Vec<u8>,
    file: Option<File>,
}

/// Bytes to collect before a write to the file.
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
