//! An error as a client sees it: AWS's code, message, status, and the modelled members beside them.

use crate::Obj;
use std::borrow::Cow;
use std::fmt;

/// What a handler answers instead of an output. The codecs write it in each protocol's form.
pub struct ApiError {
    /// The AWS error code: `ResourceNotFoundException`, `NoSuchKey`.
    pub code: Cow<'static, str>,
    /// The HTTP status: below 500 the sender is at fault.
    pub status: u16,
    /// The message, in AWS's words.
    pub message: String,
    /// The members of the modelled error structure besides the message.
    pub detail: Option<Box<dyn Obj>>,
    /// Elements beside code and message in S3's and other XML error bodies: (`BucketName`, …).
    pub fields: Vec<(&'static str, String)>,
    /// Headers of the answer: (`x-amz-bucket-region`, …), names in lower case.
    pub headers: Vec<(&'static str, String)>,
}

impl ApiError {
    /// An error of a code, a status and a message.
    pub fn new(code: impl Into<Cow<'static, str>>, status: u16, message: impl Into<String>) -> Self {
        ApiError {
            code: code.into(),
            status,
            message: message.into(),
            detail: None,
            fields: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// With the members of the modelled error structure.
    pub fn with(mut self, detail: impl Obj) -> Self {
        self.detail = Some(Box::new(detail));
        self
    }

    /// With an element of the XML error body.
    pub fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// With a header of the answer.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same code, status and message, without the modelled members.
    pub fn clone_plain(&self) -> Self {
        ApiError::new(self.code.clone(), self.status, self.message.clone())
    }

    /// Whether the sender is at fault.
    pub fn is_sender(&self) -> bool {
        self.status < 500
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code, self.status, self.message)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}
