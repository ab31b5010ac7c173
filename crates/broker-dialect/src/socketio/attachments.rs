//! Collecting the attachments of a packet.

use super::binary;
use super::event::Args;

/// A packet with placeholders whose attachments are arriving; it exists only meanwhile.
///
/// What it keeps is never more than `bytes_max`, nor of more attachments than were announced.
#[derive(Debug)]
pub(super) struct Reassembly {
    elements: Box<str>,
    attachments: Vec<Vec<u8>>,
    /// How many have been announced; at least one.
    announced: usize,
    /// The bytes of the elements and of all attachments that are here.
    bytes: usize,
    bytes_max: usize,
}

/// What is wrong with the attachments of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AttachmentError {
    /// Binary data that no packet has announced.
    #[error("the peer sent binary data that no packet announced")]
    Unannounced,
    /// A packet before the last attachment of the one before it.
    #[error("the peer sent a packet where an attachment was due")]
    Missing,
    /// More bytes than the limit.
    #[error("a packet of {size} bytes with its attachments is over the limit of {limit}")]
    TooLong {
        /// Its size in bytes so far.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A placeholder of no attachment.
    #[error("the peer sent a placeholder of an attachment that there is not")]
    NoSuchAttachment,
    /// Two placeholders of one attachment.
    #[error("the peer sent two placeholders of one attachment")]
    Repeated,
    /// Arguments that are nested too deep to look for placeholders in.
    #[error("the peer sent arguments that are nested too deep")]
    TooDeep,
}

impl Reassembly {
    /// Begins to collect so many attachments.
    ///
    /// # Errors
    /// When the packet alone is over the limit.
    pub(super) fn begin(
        args: &Args<'_>,
        announced: usize,
        bytes_max: usize,
    ) -> Result<Reassembly, AttachmentError> {
        let bytes = args.elements().len();
        check(bytes, bytes_max)?;
        Ok(Reassembly {
            elements: args.elements().into(),
            attachments: Vec::new(),
            announced,
            bytes,
            bytes_max,
        })
    }

    /// Takes the next attachment; the arguments, once it was the last.
    ///
    /// # Errors
    /// When it does not fit, or when a placeholder is not as it should be. Nothing can follow then.
    pub(super) fn receive(
        &mut self,
        attachment: &[u8],
    ) -> Result<Option<Args<'static>>, AttachmentError> {
        let bytes = self.bytes.saturating_add(attachment.len());
        check(bytes, self.bytes_max)?;
        self.bytes = bytes;
        self.attachments.push(attachment.to_vec());
        if self.attachments.len() < self.announced {
            return Ok(None);
        }
        let elements = binary::restore(&self.elements, &self.attachments)?;
        Ok(Some(Args::of_elements(elements)))
    }
}

fn check(size: usize, limit: usize) -> Result<(), AttachmentError> {
    if size > limit {
        return Err(AttachmentError::TooLong { size, limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
