//! Reads a file line by line and trusts nothing in it: any bytes give items or an error, in the memory of one line.

use super::{FORMAT, FileError, Header, Item, Kind, LINE_BYTES_MAX, Line, Summary, Trailer, VERSION};
use crate::{HASH_ZERO, Recorded, Verifier};
use serde::{Deserialize, de::IgnoredAny};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// Gives a file's events, checked against their chain, and its rows. Only a `None` from [`FileReader::next`] says that
/// the file was whole: whoever acts on items before it must be able to take that back.
pub struct FileReader<R> {
    lines: Lines<R>,
    header: Header,
    chain: Verifier,
    rows: i64,
    end: Option<Summary>,
}

impl<R: AsyncRead + Unpin> FileReader<R> {
    /// Reads the header.
    pub async fn open(input: R) -> Result<Self, FileError> {
        let mut lines = Lines::new(input);
        lines.advance().await?;
        let header = header(&lines.text)?;
        Ok(Self {
            lines,
            chain: Verifier::after(header.first - 1, header.previous),
            header,
            rows: 0,
            end: None,
        })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The line read last, from 1.
    pub fn line(&self) -> u64 {
        self.lines.number
    }

    /// The next event or row; `None` once the trailer has come and all of the file was as it says.
    pub async fn next(&mut self) -> Result<Option<Item>, FileError> {
        if self.end.is_some() {
            return Ok(None);
        }
        let before = self.lines.digest.clone();
        self.lines.advance().await?;
        let line = self.lines.number;
        let malformed = |source| FileError::Malformed { line, source };
        match serde_json::from_slice(&self.lines.text).map_err(malformed)? {
            Line::Event(event) if self.rows == 0 => self.event(event.of(self.header.workspace)).map(Some),
            Line::Row(row) if self.header.kind == Kind::Workspace => {
                self.rows += 1;
                Ok(Some(Item::Row(row)))
            }
            Line::Trailer(trailer) => {
                self.end(&trailer, before.finalize().into())?;
                self.lines.end().await?;
                Ok(None)
            }
            Line::Header(_) | Line::Event(_) | Line::Row(_) => Err(FileError::Misplaced { line }),
        }
    }

    /// Once `next` has given `None`.
    pub fn summary(&self) -> Option<&Summary> {
        self.end.as_ref()
    }

    fn event(&mut self, event: Recorded) -> Result<Item, FileError> {
        let line = self.lines.number;
        self.chain
            .next(&event)
            .map_err(|source| FileError::Chain { line, source })?;
        for text in [&event.data, &event.metadata] {
            let object = text.trim_start().starts_with('{');
            if !object || serde_json::from_str::<IgnoredAny>(text).is_err() {
                let position = event.position;
                return Err(FileError::NotAnObject { line, position });
            }
        }
        Ok(Item::Event(event))
    }

    fn end(&mut self, trailer: &Trailer, before: [u8; 32]) -> Result<(), FileError> {
        let line = self.lines.number;
        let (last, hash) = self.chain.head();
        let events = last - self.header.first + 1;
        for promised in [self.header.events(), trailer.events] {
            count(line, "events", promised, events)?;
        }
        for promised in [self.header.rows, trailer.rows] {
            count(line, "rows", promised, self.rows)?;
        }
        if trailer.hash != hash {
            return Err(FileError::Head { line });
        }
        if trailer.sha256 != before {
            return Err(FileError::Digest { line });
        }
        self.end = Some(Summary {
            header: self.header.clone(),
            hash,
            sha256: self.lines.digest.clone().finalize().into(),
            bytes: self.lines.bytes,
        });
        Ok(())
    }
}

pub(super) fn count(line: u64, what: &'static str, promised: i64, found: i64) -> Result<(), FileError> {
    if promised == found {
        return Ok(());
    }
    Err(FileError::Count {
        line,
        what,
        promised,
        found,
    })
}

/// First whose file it is and in which version, for another version may have other fields.
fn header(text: &[u8]) -> Result<Header, FileError> {
    #[derive(Deserialize)]
    struct Cover {
        header: Title,
    }
    #[derive(Deserialize)]
    struct Title {
        format: String,
        version: u32,
    }
    let cover: Cover = serde_json::from_slice(text).map_err(|_| FileError::NotALog)?;
    if cover.header.format != FORMAT {
        return Err(FileError::NotALog);
    }
    if cover.header.version != VERSION {
        return Err(FileError::Version {
            found: cover.header.version,
        });
    }
    let malformed = |source| FileError::Malformed { line: 1, source };
    let Line::Header(header) = serde_json::from_slice(text).map_err(malformed)? else {
        return Err(FileError::NotALog);
    };
    let (first, last) = (header.first, header.last);
    let stretch = first >= 1 && last >= first - 1 && last < i64::MAX;
    let begins = first == 1 && header.previous == HASH_ZERO;
    if !stretch || !(begins || first > 1 && header.kind == Kind::Segment) {
        return Err(FileError::Range { first, last });
    }
    Ok(header)
}

/// Lines of bounded length, counted and hashed.
struct Lines<R> {
    input: BufReader<R>,
    text: Vec<u8>,
    number: u64,
    bytes: u64,
    digest: Sha256,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    fn new(input: R) -> Self {
        Self {
            input: BufReader::new(input),
            text: Vec::new(),
            number: 0,
            bytes: 0,
            digest: Sha256::new(),
        }
    }

    /// Takes the next line into `text`.
    async fn advance(&mut self) -> Result<(), FileError> {
        self.number += 1;
        self.text.clear();
        let mut bounded = (&mut self.input).take(LINE_BYTES_MAX as u64);
        bounded.read_until(b'\n', &mut self.text).await?;
        self.digest.update(&self.text);
        self.bytes += self.text.len() as u64;
        let line = self.number;
        match self.text.last() {
            Some(b'\n') => Ok(()),
            Some(_) if self.text.len() == LINE_BYTES_MAX => Err(FileError::TooLong { line }),
            Some(_) | None => Err(FileError::Truncated { line }),
        }
    }

    async fn end(&mut self) -> Result<(), FileError> {
        let line = self.number + 1;
        match self.input.fill_buf().await?.is_empty() {
            true => Ok(()),
            false => Err(FileError::Excess { line }),
        }
    }
}
