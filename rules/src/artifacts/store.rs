//! Keeping logs: each under its digest, the same bytes once, with a view for people.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{LogDir, Mask, layout};
use crate::outcome::{KeptLog, LogStream};

/// Which logs are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Those of cases that did not hold.
    #[default]
    Failed,
    /// All.
    Always,
    /// None.
    Never,
}

/// The store below an output directory.
#[derive(Debug)]
pub(crate) struct Store {
    output: PathBuf,
    seen: HashSet<String>,
    made: bool,
}

/// A log to be kept.
pub(crate) struct Log<'a> {
    pub(crate) dir: &'a LogDir,
    /// Its name there.
    pub(crate) file: &'a str,
    /// Directory of the view, below `failed`.
    pub(crate) class: &'a str,
    pub(crate) attempt: u32,
    /// Whether further attempts come after it; theirs are in the class's own directory.
    pub(crate) last: bool,
    /// The name in the view, before `.STREAM.txt`.
    pub(crate) stem: &'a str,
    pub(crate) stream: LogStream,
    pub(crate) name: &'a str,
    pub(crate) exit: Option<crate::case::Exit>,
    /// Longer logs are kept by their head and their tail.
    pub(crate) limit: u64,
}

impl Store {
    /// A store in `output`. What an earlier run of ours left there is removed; what is not ours is an error.
    pub(crate) fn open(output: &Path) -> io::Result<Self> {
        layout::remove_earlier(output)?;
        Ok(Self { output: output.to_owned(), seen: HashSet::new(), made: false })
    }

    /// Whether anything is kept.
    pub(crate) fn is_empty(&self) -> bool {
        !self.made
    }

    /// Keeps a log.
    pub(crate) fn keep(&mut self, log: &Log<'_>, mask: &Mask) -> io::Result<KeptLog> {
        let blobs = layout::blobs(&self.output);
        if !self.made {
            layout::mark(&self.output)?;
            fs::create_dir_all(&blobs)?;
            self.made = true;
        }
        let mut file = log.dir.log(log.file)?;
        let size = file.metadata()?.len();
        let rewritten = blobs.join(".new");
        // As a rule the log itself becomes the blob; only what must be changed is written again.
        let anew = size > log.limit || !mask.is_empty();
        if anew {
            rewrite(file, &rewritten, size, log.limit, mask)?;
            file = File::open(&rewritten)?;
        }
        let (digest, size, lines) = digest(&mut file)?;
        let kept = blobs.join(&digest);
        if self.seen.insert(digest.clone()) {
            file.set_permissions(fs::Permissions::from_mode(0o644))?;
            let linked = if anew { fs::hard_link(&rewritten, &kept) } else { log.dir.link(log.file, &kept) };
            or_copied(linked, &kept, || file.rewind().map(|()| file))?;
        }
        let _ = fs::remove_file(&rewritten);
        let path = self.view(log, &kept)?;
        Ok(KeptLog {
            digest,
            size,
            lines,
            name: log.name.to_owned(),
            stream: log.stream,
            exit: log.exit,
            attempt: log.attempt,
            path,
        })
    }

    /// Makes the name under which people find the blob.
    fn view(&self, log: &Log<'_>, blob: &Path) -> io::Result<String> {
        let mut class: String = log.class.replace('/', "_");
        while class.len() > 200 {
            class.pop();
        }
        let attempt = if log.last { String::new() } else { format!("attempt-{}/", log.attempt) };
        let path = format!("failed/{class}/{attempt}{}.{}.txt", log.stem, log.stream.as_str());
        let full = self.output.join(&path);
        if let Some(parent) = full.parent() {
            fs::create_dir_all(parent)?;
        }
        or_copied(fs::hard_link(blob, &full), &full, || File::open(blob))?;
        Ok(path)
    }
}

/// Makes a copy of `from` where no hard link could be made: between file systems, or where they have none.
fn or_copied(linked: io::Result<()>, to: &Path, from: impl FnOnce() -> io::Result<File>) -> io::Result<()> {
    match linked {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) => {
            let making = to.with_extension("copy");
            let mut copy = File::create(&making)?;
            io::copy(&mut from()?, &mut copy)?;
            copy.set_permissions(fs::Permissions::from_mode(0o644))?;
            fs::rename(&making, to)
        }
    }
}

/// Writes the log again: masked, and without its middle when it is too long.
fn rewrite(mut file: File, to: &Path, size: u64, limit: u64, mask: &Mask) -> io::Result<()> {
    let mut to = BufWriter::new(File::create(to)?);
    if size <= limit {
        mask.copy(&mut file, &mut to)?;
    } else {
        let (head, tail) = (limit / 2, limit - limit / 2);
        mask.copy((&mut file).take(head), &mut to)?;
        let middle = size - head - tail;
        write!(to, "\n… {middle} bytes left out by foresee, for the log grew beyond its limit …\n")?;
        file.seek(SeekFrom::Start(size - tail))?;
        mask.copy(file.take(tail), &mut to)?;
    }
    to.flush()
}

/// The SHA-256 of a file, its size and its number of lines.
pub(super) fn digest(file: &mut File) -> io::Result<(String, u64, u64)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let (mut size, mut lines, mut last) = (0, 0, b'\n');
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => &buffer[..read],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(read);
        size += read.len() as u64;
        lines += memchr::memchr_iter(b'\n', read).count() as u64;
        last = read[read.len() - 1];
    }
    let lines = lines + u64::from(last != b'\n');
    Ok((hex(&hash.finalize()), size, lines))
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
