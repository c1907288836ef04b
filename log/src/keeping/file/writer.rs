//! Writes a file line by line, and refuses to write what the reader would refuse.

use super::{FileError, Header, LINE_BYTES_MAX, Line, Row, Summary, Trailer};
use crate::{Recorded, Verifier};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncWrite, AsyncWriteExt, BufWriter};

/// What gathers before it is handed on.
const BUFFER_BYTES: usize = 256 << 10;

pub struct FileWriter<W> {
    output: BufWriter<W>,
    header: Header,
    chain: Verifier,
    line: u64,
    rows: i64,
    digest: Sha256,
    bytes: u64,
}

impl<W: AsyncWrite + Unpin> FileWriter<W> {
    pub async fn create(output: W, header: Header) -> Result<Self, FileError> {
        let mut writer = Self {
            output: BufWriter::with_capacity(BUFFER_BYTES, output),
            chain: Verifier::after(header.first - 1, header.previous),
            header: header.clone(),
            line: 0,
            rows: 0,
            digest: Sha256::new(),
            bytes: 0,
        };
        writer.write(&Line::Header(header)).await?;
        Ok(writer)
    }

    pub async fn event(&mut self, event: Recorded) -> Result<(), FileError> {
        let line = self.line + 1;
        self.chain
            .next(&event)
            .map_err(|source| FileError::Chain { line, source })?;
        self.write(&Line::Event(event.into())).await
    }

    pub async fn row(&mut self, row: Row) -> Result<(), FileError> {
        self.rows += 1;
        self.write(&Line::Row(row)).await
    }

    /// The position and hash that the events have come to.
    pub fn head(&self) -> (i64, [u8; 32]) {
        self.chain.head()
    }

    /// Writes the trailer and hands on all that gathered; gives the output back, for whoever has to sync or close it.
    pub async fn finish(mut self) -> Result<(Summary, W), FileError> {
        let (last, hash) = self.chain.head();
        let (line, events) = (self.line + 1, last - self.header.first + 1);
        super::reader::count(line, "events", self.header.events(), events)?;
        super::reader::count(line, "rows", self.header.rows, self.rows)?;
        let trailer = Trailer {
            events,
            rows: self.rows,
            hash,
            sha256: self.digest.clone().finalize().into(),
        };
        self.write(&Line::Trailer(trailer)).await?;
        self.output.flush().await?;
        let summary = Summary {
            header: self.header,
            hash,
            sha256: self.digest.finalize().into(),
            bytes: self.bytes,
        };
        Ok((summary, self.output.into_inner()))
    }

    async fn write(&mut self, line: &Line) -> Result<(), FileError> {
        self.line += 1;
        let malformed = |source| FileError::Malformed {
            line: self.line,
            source,
        };
        let mut text = serde_json::to_vec(line).map_err(malformed)?;
        text.push(b'\n');
        if text.len() > LINE_BYTES_MAX {
            return Err(FileError::TooLong { line: self.line });
        }
        self.digest.update(&text);
        self.bytes += text.len() as u64;
        Ok(self.output.write_all(&text).await?)
    }
}
