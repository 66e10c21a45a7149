//! What the parts of a form come to: fields, and files in memory or in the folder of the request.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use bytes::{Bytes, BytesMut};
use form_urlencoded::Serializer;
use multer::Field;

use super::head::PartHead;
use super::parser::Parser;
use crate::folder::FolderPlace;
use crate::http::problem::HttpProblem;
use crate::workload::{Files, Parts, Sent, path_in};

/// The most parts of a form.
const PARTS_MAX: usize = 100;

/// The most bytes of all names, types and texts.
const TEXT_MAX_BYTES: usize = 64 * 1024;

/// The most bytes of files that are in memory, all together. The next one goes to a file of its own.
const MEMORY_MAX_BYTES: usize = 64 * 1024;

/// Why a body was not read to its end.
pub(super) enum Unread {
    Problem(HttpProblem),
    /// A file cannot be written.
    Unwritten(io::Error),
}

impl From<HttpProblem> for Unread {
    fn from(problem: HttpProblem) -> Self {
        Self::Problem(problem)
    }
}

impl From<io::Error> for Unread {
    fn from(err: io::Error) -> Self {
        Self::Unwritten(err)
    }
}

/// What has come so far.
pub(super) struct Collection<'a> {
    allowed: Files,
    place: &'a FolderPlace,
    fields: Serializer<'static, String>,
    text_left: usize,
    files: Vec<Sent>,
    memory: BytesMut,
}

impl<'a> Collection<'a> {
    pub(super) fn new(allowed: Files, place: &'a FolderPlace) -> Self {
        Self {
            allowed,
            place,
            fields: Serializer::new(String::new()),
            text_left: TEXT_MAX_BYTES,
            files: Vec::new(),
            memory: BytesMut::new(),
        }
    }

    /// Reads all of a form. The bytes are those of the files in memory.
    pub(super) async fn read(mut self, mut parser: Parser) -> Result<(Parts, Bytes), Unread> {
        let mut count = 0;
        while let Some(part) = parser.next().await? {
            count += 1;
            if count > PARTS_MAX {
                let what = format!("the body has more than {PARTS_MAX} parts");
                return Err(HttpProblem::PartTooLarge(what).into());
            }
            let head = PartHead::of(&part)?;
            match &head.file_name {
                None => self.text(&mut parser, part, &head.name).await?,
                Some(file_name) => self.file(&mut parser, part, &head, file_name).await?,
            }
        }
        parser.finish().await?;
        check_required(self.allowed, &self.files)?;
        let parts = Parts {
            fields: self.fields.finish(),
            files: self.files,
        };
        Ok((parts, self.memory.freeze()))
    }

    async fn text(
        &mut self,
        parser: &mut Parser,
        mut part: Field<'static>,
        name: &str,
    ) -> Result<(), Unread> {
        self.count(name, name.len())?;
        let mut text = Vec::new();
        while let Some(piece) = parser.piece(&mut part, name).await? {
            self.count(name, piece.len())?;
            text.extend_from_slice(&piece);
        }
        let text = String::from_utf8(text);
        let text = text.map_err(|_| HttpProblem::BadRequest(format!("{name}: it is not UTF-8")))?;
        self.fields.append_pair(name, &text);
        Ok(())
    }

    /// Takes so many bytes from what is left for texts.
    fn count(&mut self, name: &str, bytes: usize) -> Result<(), HttpProblem> {
        let left = self.text_left.checked_sub(bytes);
        self.text_left = left.ok_or_else(|| {
            HttpProblem::PartTooLarge(format!(
                "{name}: the texts are longer than {TEXT_MAX_BYTES} bytes"
            ))
        })?;
        Ok(())
    }

    async fn file(
        &mut self,
        parser: &mut Parser,
        mut part: Field<'static>,
        head: &PartHead,
        file_name: &str,
    ) -> Result<(), Unread> {
        let name = &*head.name;
        let words = name.len() + file_name.len() + head.content_type.len();
        self.count(name, words)?;
        let mut sent = Sent::new(name, file_name, &head.content_type);
        let mut left = self.allowed.limit;
        let mut file = None;
        let begin = self.memory.len();
        while let Some(piece) = parser.piece(&mut part, name).await? {
            left = left.checked_sub(piece.len()).ok_or_else(|| {
                let limit = self.allowed.limit;
                HttpProblem::PartTooLarge(format!("{name}: the file is larger than {limit} bytes"))
            })?;
            sent.len += piece.len() as u64;
            if file.is_none() && self.memory.len() + piece.len() > MEMORY_MAX_BYTES {
                file = Some(self.spill(begin)?);
            }
            match &mut file {
                // The kernel takes it into memory, and so no request waits for a disk, as a rule.
                Some(file) => file.write_all(&piece)?,
                None => self.memory.extend_from_slice(&piece),
            }
        }
        if let Some(mut file) = file {
            file.flush()?;
            sent.is_on_disk = true;
        }
        // A browser sends this if the user has chosen no file.
        let is_there = sent.len > 0 || !file_name.is_empty();
        self.files.extend(is_there.then_some(sent));
        Ok(())
    }

    /// Moves the file that begins there from memory to a file of its own.
    fn spill(&mut self, begin: usize) -> io::Result<BufWriter<File>> {
        let path = path_in(self.place.make()?, self.files.len());
        let mut file = BufWriter::new(File::create_new(path)?);
        file.write_all(&self.memory[begin..])?;
        self.memory.truncate(begin);
        Ok(file)
    }
}

/// Whether all files are there that must be.
pub(super) fn check_required(allowed: Files, files: &[Sent]) -> Result<(), HttpProblem> {
    let is_missing = |name: &&&str| files.iter().all(|file| file.name() != **name);
    match allowed.required.iter().find(is_missing) {
        None => Ok(()),
        Some(name) => Err(HttpProblem::BadRequest(format!("missing file `{name}`"))),
    }
}
